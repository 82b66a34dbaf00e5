// Command mutants plants mistakes that were made before, by others or by us, and
// runs the test that must catch each. A mistake nobody catches is a rule nobody
// holds: it exits 1.
//
//	go run ./internal/mutants          all of them
//	go run ./internal/mutants timeout  those whose name contains the word
//
// The tree is not touched: the compiler is told to read the mutated files instead
// of the real ones (go test -overlay). A mutant whose place in the code is gone is
// an error too: the list is kept true.
package main
