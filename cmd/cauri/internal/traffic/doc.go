// Package traffic is the demo's payers and talents: they book, pay, type codes,
// confirm deliveries, and know nothing of the engine but its API.
//
// Most payments go well. Some payers type a wrong code first, have no money,
// never answer, or let time release the hold; the phone number decides what the
// simulated gateway does, as a test card does.
package traffic
