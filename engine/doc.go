// Package engine is the domain: what a payment is, and everything that may
// happen to one.
//
// It is pure. A Transaction is plain data; Decide answers a Command with a
// Decision, from its arguments alone, and changes nothing; persistence commits
// the decision under the row's lock and returns it as Applied; only then does
// actors run its Effects, whose answers come back as Commands. One loop:
//
//	Command (please) → Decide → Decision (would) → Apply → Applied (did) → Effect (call the outside) → Command
//
// What never happens here: I/O, a clock, randomness, a goroutine, a floating
// point number. Time, fresh ids and policy are arguments (Given). context
// appears in gateway.go only, because the gateway ports are declared there.
//
// Its words are those of docs/glossary.md.
package engine
