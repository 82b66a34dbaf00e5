// Package testsignal lets a test await a moment inside running code, instead of
// sleeping and hoping. In production nobody calls Init, and Emit costs one nil
// check: no signal ever changes what the code does.
package testsignal
