package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// Format is how log lines look.
type Format string

// The formats: text for people at a terminal, JSON for machines.
const (
	Text Format = "text"
	JSON Format = "json"
)

// NewLogger returns a redacting logger that writes to w. It writes times in UTC.
func NewLogger(w io.Writer, format Format, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
			a.Value = slog.TimeValue(a.Value.Time().UTC())
		}
		return a
	}}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if format == JSON {
		handler = slog.NewJSONHandler(w, options)
	}
	return slog.New(redactor{handler})
}

// secretKeys are attributes whose value never stands in a log, whatever it is.
var secretKeys = map[string]bool{
	"authorization": true, "otp": true, "password": true, "secret": true, "token": true, "body": true, "signature": true, "email": true,
}

const hidden = "[hidden]"

// between is what may stand between two digits of a number: spaces and dashes of any
// kind, also unseen ones, dots, slashes, brackets.
const between = `[\s\p{Zs}\p{Pd}\p{Cf}./()]{0,3}`

// What a value may not show: a mobile number of Côte d'Ivoire in any spelling
// without letters between the digits, a gateway's or a platform's key, the
// password inside a database URL.
var (
	numbers   = regexp.MustCompile(`(?:(?:\+|00)?225` + between + `)?\b0[157](?:` + between + `[0-9]){8}\b`)
	e164      = regexp.MustCompile(`(?:\+|00)?2250[157][0-9]{8}\b`)
	keys      = regexp.MustCompile(`\b(?:sk|pk|ck|cs|wh)_(?:live|test|sandbox)_[A-Za-z0-9_\-]+`)
	passwords = regexp.MustCompile(`(postgres(?:ql)?://[^:/@\s]+:)[^@\s]+@`)
)

// Redact masks what may not be shown in a text.
func Redact(s string) string {
	if !strings.ContainsAny(s, "0123456789_@") {
		return s
	}
	s = passwords.ReplaceAllString(s, "${1}"+hidden+"@")
	s = keys.ReplaceAllStringFunc(s, func(key string) string {
		head, _, _ := strings.Cut(key[3:], "_")
		return key[:3] + head + "_" + hidden
	})
	s = e164.ReplaceAllStringFunc(s, maskNumber)
	return numbers.ReplaceAllStringFunc(s, maskNumber)
}

func maskNumber(number string) string {
	var digits []byte
	for i := range len(number) {
		if c := number[i]; c >= '0' && c <= '9' {
			digits = append(digits, c)
		}
	}
	const national = 10
	d := string(digits[len(digits)-national:])
	return d[:2] + "****" + d[national-2:]
}

// redactor is the handler that masks before it hands on.
type redactor struct{ next slog.Handler }

func (r redactor) Enabled(ctx context.Context, level slog.Level) bool {
	return r.next.Enabled(ctx, level)
}

func (r redactor) Handle(ctx context.Context, record slog.Record) error {
	clean := slog.NewRecord(record.Time, record.Level, Redact(record.Message), record.PC)
	record.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redactAttr(a))
		return true
	})
	return r.next.Handle(ctx, clean)
}

func (r redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		clean = append(clean, redactAttr(a))
	}
	return redactor{r.next.WithAttrs(clean)}
}

func (r redactor) WithGroup(name string) slog.Handler { return redactor{r.next.WithGroup(name)} }

func redactAttr(a slog.Attr) slog.Attr {
	if secretKeys[strings.ToLower(a.Key)] {
		return slog.String(a.Key, hidden)
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, Redact(v.String()))
	case slog.KindGroup:
		members := make([]slog.Attr, 0, len(v.Group()))
		for _, member := range v.Group() {
			members = append(members, redactAttr(member))
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(members...)}
	case slog.KindAny:
		return slog.String(a.Key, Redact(fmt.Sprintf("%+v", v.Any())))
	case slog.KindBool, slog.KindDuration, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64, slog.KindLogValuer:
		return slog.Attr{Key: a.Key, Value: v}
	}
	return a
}
