package main

import "slices"

// inTurn measures each of the cases in every round, one after the other, so that what
// else the machine does meets all alike. It returns the rounds of each case.
func inTurn[C, R any](rounds int, cases []C, measure func(c C, round int) (R, error)) ([][]R, error) {
	results := make([][]R, len(cases))
	for round := range rounds {
		for i, c := range cases {
			result, err := measure(c, round)
			if err != nil {
				return nil, err
			}
			results[i] = append(results[i], result)
		}
	}
	return results, nil
}

// median is that of a number which each of the rounds has.
func median[R any](rounds []R, of func(R) float64) float64 {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
