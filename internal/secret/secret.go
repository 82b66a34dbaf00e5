package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Stars stand wherever a secret would be printed.
const Stars = "******"

// Secret is a value that must not be seen. The zero Secret is no secret.
//
// The text sits in a closure: fmt calls no method on another struct's
// unexported field and dumpers follow pointers, but neither looks into a func.
type Secret struct{ reveal func() string }

// New wraps a text; the empty one makes the zero Secret.
func New(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return text }}
}

// Reveal is the text itself. For an Authorization header or a MAC's key.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsZero reports that there is no secret.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String hides the text; "" when there is none, so that a missing one shows.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return Stars
}

// GoString hides the text from %#v.
func (s Secret) GoString() string { return s.String() }

// Format hides the text from every verb, %x and %q included.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalJSON hides the text.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText hides the text from encoders of other formats.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the text in: configuration is read into a Secret directly
// and never lies about as a string. It returns no error.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}

// LogValue hides the text from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
