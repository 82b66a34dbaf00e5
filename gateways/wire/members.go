package wire

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Members are those of a JSON object that matter, and of the objects in them: a list
// of what may stay forgets nobody. Names are spelled as the gateway spells them.
type Members map[string]Members

// Plain reports that an object can be read in one way only: every member that
// matters is named once, as it is spelled here. encoding/json takes "AMOUNT" for
// "amount", and the last of two; another reader takes the first. Of two figures
// neither is a fact (S-24). What is not listed may come as it likes.
func (m Members) Plain(body []byte) bool {
	w := walk{body: body, lists: true}
	_, err := w.whole(m)
	return err == nil && !w.ambiguous
}

// Redaction says what of a webhook's body may be stored.
type Redaction struct {
	Kept Members
	// Words are members of gateways' own words, kept as the function leaves them.
	Words map[string]func(string) string
}

// Of is Read, for whoever only stores.
func (r Redaction) Of(body []byte) []byte {
	kept, _ := r.Read(body)
	return kept
}

// Read copies a body with the members that may be stored, in their order and
// spelled as they came, and reports whether it is plain, as Members.Plain is. No
// list is kept: nobody reads one again. A body that is no object is nil. Redacted
// twice it is the same, and as plain as it was: of a body that is not, a member whose
// value is left out stays as null, because without it the other one would be a fact.
func (r Redaction) Read(body []byte) (kept []byte, plain bool) {
	if !utf8.Valid(body) {
		return nil, false
	}
	w := walk{body: body, words: r.Words}
	kept, err := w.whole(r.Kept)
	if err == nil && w.ambiguous {
		w.traces = true
		kept, err = w.whole(r.Kept)
	}
	if err != nil {
		return nil, false
	}
	return kept, !w.ambiguous
}

// walk goes through a body once, and copies what is listed.
type walk struct {
	body      []byte
	in        *jsontext.Decoder
	words     map[string]func(string) string
	lists     bool // the objects of lists count too
	traces    bool // what is left out of the listed stays as null
	ambiguous bool
}

// decoders are those that are not reading: one is larger than most bodies. Half a
// surrogate pair, as a name cut short on its way has it, hides nothing else.
var (
	reading  = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	decoders = sync.Pool{New: func() any { return jsontext.NewDecoder(nothing, reading...) }}
	nothing  = strings.NewReader("")
)

// whole copies a body that is one object and nothing after it.
func (w *walk) whole(listed Members) ([]byte, error) {
	w.in = decoders.Get().(*jsontext.Decoder) //nolint:forcetypeassert // it holds nothing else
	defer func() {
		w.in.Reset(nothing, reading...) // it would keep the body
		decoders.Put(w.in)
	}()
	w.in.Reset(bytes.NewBuffer(w.body), reading...)
	out, err := w.object(make([]byte, 0, len(w.body)), listed)
	if err != nil {
		return nil, err
	}
	if _, err := w.in.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, ErrNoObject
	}
	return out, nil
}

// object adds the next value, which must be an object, without what is not listed.
func (w *walk) object(out []byte, listed Members) ([]byte, error) {
	if opening, err := w.in.ReadToken(); err != nil || opening.Kind() != '{' {
		return nil, ErrNoObject
	}
	var few [24][]byte // as many as most objects have of the listed ones
	seen := few[:0]
	out = append(out, '{')
	empty := len(out)
	for w.in.PeekKind() != '}' {
		quoted, err := w.in.ReadValue()
		if err != nil {
			return nil, ErrNoObject
		}
		end := int(w.in.InputOffset())
		spelled := w.body[end-len(quoted)+1 : end-1] // the reader's own copy is gone with the next value
		name, inner, stays := listed.find(spelled)
		if stays {
			w.ambiguous = w.ambiguous || !bytes.Equal(name, spelled) ||
				slices.ContainsFunc(seen, func(other []byte) bool { return bytes.Equal(other, spelled) })
			if !w.ambiguous {
				seen = append(seen, spelled)
			}
		}
		before := len(out)
		if before > empty {
			out = append(out, ',')
		}
		out = append(append(append(append(out, '"'), spelled...), '"'), ':')
		switch out, stays, err = w.value(out, name, inner, stays); {
		case err != nil:
			return nil, err
		case !stays:
			out = out[:before]
		}
	}
	if _, err := w.in.ReadToken(); err != nil { // the closing brace
		return nil, ErrNoObject
	}
	return append(out, '}'), nil
}

// find looks a member up by its name as a body spells it, between its quotes, and
// returns the name it is listed by. Another spelling of a listed name is found too:
// other letters' cases, and escapes.
func (m Members) find(spelled []byte) (name []byte, inner Members, listed bool) {
	if inner, listed = m[string(spelled)]; listed {
		return spelled, inner, true
	}
	if !slices.ContainsFunc(spelled, func(c byte) bool { return c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf || c == '\\' }) {
		return nil, nil, false
	}
	meant, _ := jsontext.AppendUnquote(nil, slices.Concat([]byte{'"'}, spelled, []byte{'"'})) // half a pair is no letter of a name
	meant = bytes.ToLower(bytes.ToUpper(meant))                                               // "ſ" is an "s" to encoding/json
	inner, listed = m[string(meant)]
	return meant, inner, listed
}

// value adds what is kept of a member's value, and reports whether anything is.
func (w *walk) value(out, name []byte, inner Members, listed bool) (_ []byte, stays bool, err error) {
	kind := w.in.PeekKind()
	switch {
	case listed && kind == '{' && inner != nil:
		out, err = w.object(out, inner)
		return out, true, err
	case listed && kind == '[' && inner != nil && w.lists:
		return out, false, w.list(inner)
	case !listed, kind == '[', kind == '{':
		if w.in.SkipValue() != nil {
			return nil, false, ErrNoObject
		}
		out, stays = w.leftOut(out, listed)
		return out, stays, nil
	}
	value, err := w.in.ReadValue()
	if err != nil {
		return nil, false, ErrNoObject
	}
	leave, isWords := w.words[string(name)]
	switch {
	case !isWords:
		return append(out, value...), true, nil
	case value.Kind() != '"':
		out, stays = w.leftOut(out, listed)
		return out, stays, nil
	}
	words, _ := jsontext.AppendUnquote(nil, value) // half a surrogate pair becomes U+FFFD
	out, err = jsontext.AppendQuote(out, leave(string(words)))
	return out, true, err
}

// leftOut is what stands for a value that is not kept.
func (w *walk) leftOut(out []byte, listed bool) (_ []byte, stays bool) {
	if listed && w.traces {
		return append(out, "null"...), true
	}
	return out, false
}

// list looks through the objects of a list. Nothing of it is kept.
func (w *walk) list(of Members) error {
	if _, err := w.in.ReadToken(); err != nil {
		return ErrNoObject
	}
	for w.in.PeekKind() != ']' {
		if w.in.PeekKind() != '{' {
			if w.in.SkipValue() != nil {
				return ErrNoObject
			}
		} else if _, err := w.object(nil, of); err != nil {
			return err
		}
	}
	if _, err := w.in.ReadToken(); err != nil {
		return ErrNoObject
	}
	return nil
}
