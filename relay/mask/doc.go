// Package mask takes secrets out of the output of a build: bytes in, bytes out. A
// [Set] knows what to look for, a [Masker] looks for it in one stream.
//
// Output is not read as it is written, but as two views of it. The first leaves out
// what a person does not see, escape sequences and line ends, so that a value that is
// coloured in its middle or wrapped is found. The second leaves out line ends alone, so
// that a value inside a sequence, such as a link or a title, is found, too. While there
// is no sequence near the views are one.
//
// The files in the order of a byte: masker.go takes it, ansi.go tells whether it is
// text, view.go adds it to the views, automaton.go says which values it ends or may be
// part of, shape.go and its companions do that for tokens that are known by their form.
// set.go and forms.go, with urlforms.go and jsonforms.go, decide beforehand what is
// looked for.
//
// It is a net for accidents. Who wants to print a secret finds a way.
package mask
