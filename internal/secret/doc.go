// Package secret has the one type a key or a password may live in. Whatever
// prints, logs or encodes a Secret writes stars: its text is reached by Reveal
// and by nothing else.
//
// What never happens here: reading one from a file or the environment, and
// comparing two of them (that is a MAC's work, in constant time).
package secret
