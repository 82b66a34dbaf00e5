// Package vault seals what the database keeps and must not be read there, and makes
// the blind indexes by which it is found all the same (S-15).
//
// What is sealed opens in its own place alone: the place is authenticated with it, so
// that a ciphertext put into another row is refused like one that was altered. Keys
// come in lists, the newest first: the first makes what is new, all of them read.
//
// What never happens here: knowing a table, a phone or a setting.
package vault
