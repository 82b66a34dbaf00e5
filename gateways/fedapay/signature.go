package fedapay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// SignatureHeader carries t=<unix seconds>,s=<hex HMAC-SHA256 of "t.body">
// (FedaPay SDKs, WebhookSignature).
const SignatureHeader = "X-FEDAPAY-SIGNATURE"

const (
	// One t and one s are 79 bytes. A rotation of theirs might bring a few more s.
	signatureBytesMax = 1 << 10
	signaturesMax     = 8
	// Seconds have ten digits until the year 2286.
	timestampDigitsMax = 12
)

// signature is a header read: when it was made, and the digests it claims.
type signature struct {
	stamp   []byte // t as written: these bytes are signed
	at      time.Time
	digests [signaturesMax][sha256.Size]byte
	claimed int // how many digests there are
}

// parseSignature reads a header: items between commas, each cut at its first
// equals sign. Exactly one t, of digits; at least one s of 64 hex digits of
// either case; other schemes are none of ours, and an s of another shape can
// match nothing. It reports false for what is no signature.
func parseSignature(header []byte) (signature, bool) {
	var read signature
	if len(header) > signatureBytesMax {
		return read, false
	}
	for item := range bytes.SplitSeq(header, []byte(",")) {
		scheme, value, _ := bytes.Cut(item, []byte("="))
		switch string(scheme) {
		case "t":
			if read.stamp != nil || !read.date(value) {
				return signature{}, false
			}
		case "s":
			if len(value) != hex.EncodedLen(sha256.Size) {
				continue
			}
			if read.claimed == signaturesMax {
				return signature{}, false
			}
			if _, err := hex.Decode(read.digests[read.claimed][:], value); err == nil {
				read.claimed++
			}
		}
	}
	return read, read.stamp != nil && read.claimed > 0
}

// date takes in t. A sign or a space, which ParseInt or a trim would let pass,
// is no digit.
func (s *signature) date(value []byte) bool {
	digits := len(value) > 0 && len(value) <= timestampDigitsMax && len(bytes.Trim(value, "0123456789")) == 0
	if !digits {
		return false
	}
	seconds, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return false
	}
	s.stamp, s.at = value, time.Unix(seconds, 0)
	return true
}
