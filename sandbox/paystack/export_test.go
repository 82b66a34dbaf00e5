package paystack

// Signature is the one webhooks carry, for the published vector.
func Signature(key string, body []byte) string { return signature(key, body) }
