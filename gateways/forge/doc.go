// Package forge makes signed webhooks of a gateway, true ones and wrong ones:
// for tests, and for whoever wants to try an engine without waiting for a
// gateway. Every fault a webhook can have is an option.
//
// It builds bodies and signs them by the gateway's documentation and by nothing
// of ours: it shares neither types nor the scale of amounts with the gateways'
// clients, so a misreading there does not cancel out here. Figures are therefore
// the wire's own (subunits).
//
// What never happens here: a key of its own, a clock, a request. Who has a
// Delivery sends it.
package forge
