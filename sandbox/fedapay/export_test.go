package fedapay

// Signature is the one webhooks carry, for the published vector.
func Signature(secret, t string, body []byte) string { return signature(secret, t, body) }
