package masks

import (
	"fmt"
	"math"
	"time"

	"buildrelay/relay/mask"
)

// The limits of one registration.
const (
	MaxValues = 2000
	MaxBytes  = 16 << 10 // of all its values together
	MaxMemory = 8 << 20  // bytes of memory for all of them, in all the forms in which they are looked for
)

// Registration is what one publisher wants masked: on a channel, or on all channels of the app
// where Channel is "".
type Registration struct {
	App, Channel string
	Values       []string
	Until        time.Time // when it ends
	Version      int64     // of two of a channel the greater is the newer
}

// Stored is a [Registration] whose values only [Config.Open] can read. Without any it says that
// the channel has none any more; Until is then how long that matters, at least.
type Stored struct {
	App, Channel, Sealed string
	Until                time.Time
	Version              int64
}

// Check returns the values that will be masked, in their order, and says why the others will not.
// The error is for who wanted more than is allowed; it has none of the values.
func Check(values []string) (good []string, refused []mask.Refused, err error) {
	if _, err := fitting(values, math.MaxInt); err != nil {
		return nil, nil, err
	}
	refused = mask.Refuse(values)
	known := 0
	for i, v := range values {
		if known < len(refused) && refused[known].Index == i {
			known++
			continue
		}
		good = append(good, v)
	}
	if _, err := fitting(good, MaxBytes); err != nil {
		return nil, nil, err
	}
	memory := 0
	for i, v := range good {
		if memory += mask.Cost(v); memory > MaxMemory {
			return nil, nil, tooCostly(i, len(good))
		}
	}
	return good, refused, nil
}

// fitting returns as many of the values, from the first on, as one registration may have: at most
// so many bytes, too. The error says why these are not all.
func fitting(values []string, most int) (some []string, err error) {
	some = values[:min(len(values), MaxValues)]
	for i, v := range some {
		if most -= len(v); most < 0 {
			return some[:i], fmt.Errorf("only the first %d of %d values fit: at most %d bytes may be registered together", i, len(values), MaxBytes)
		}
	}
	if len(some) < len(values) {
		err = fmt.Errorf("there are %d values: at most %d may be registered together", len(values), MaxValues)
	}
	return some, err
}

// tooCostly is the error where only so many values take no more than MaxMemory.
func tooCostly(fit, all int) error {
	return fmt.Errorf("only the first %d of %d values fit: in all the forms in which they are looked for they may take %d MiB of memory together, and long ones with many special characters take most",
		fit, all, MaxMemory>>20)
}
