package http

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// jsonDepthMax is how deep a body may nest. Ours nest once; sixteen is what the
// security requirements allow any body of ours (S-11).
const jsonDepthMax = 16

// Why a body is no JSON of ours. None of them repeats anything of it.
var (
	errNotJSON      = errors.New("the body is one JSON value and nothing else")
	errNotUTF8      = errors.New("the body is UTF-8 throughout, escapes included")
	errTooDeep      = fmt.Errorf("the body nests at most %d deep", jsonDepthMax)
	errKeyTwice     = errors.New("no object has a key twice")
	errControlChars = errors.New("no string holds a control character")
)

// jsonFormat is how the API reads and writes: strictly in, compactly out.
var jsonFormat = huma.Format{
	Unmarshal: func(body []byte, into any) error {
		if tree, untyped := into.(*any); untyped { // what Huma validates; the typed reading follows
			var err error
			*tree, err = parseJSON(body)
			return err
		}
		return json.Unmarshal(body, into)
	},
	Marshal: func(w io.Writer, v any) error {
		body, err := encode(v)
		if err != nil {
			return err
		}
		_, err = w.Write(body)
		return err
	},
}

// encode writes JSON in one line, with its newline, and leaves < > & as they are.
func encode(v any) ([]byte, error) {
	if r, ready := v.(rendered); ready {
		return r.body, nil
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// parseJSON reads a body more strictly than encoding/json does: two parsers that
// disagree about a duplicate key or a bad escape are how a check is walked
// around. Whole numbers become int64; any other number stays a json.Number,
// which no integer field accepts: 100.5, 1e3 and 100.0 are no amounts.
func parseJSON(body []byte) (any, error) {
	if !utf8.Valid(body) {
		return nil, errNotUTF8
	}
	if !json.Valid(body) {
		return nil, errNotJSON
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return parseValue(d, 0)
}

func parseValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errNotJSON
	}
	switch t := token.(type) {
	case json.Delim:
		if depth == jsonDepthMax {
			return nil, errTooDeep
		}
		if t == '{' {
			return parseObject(d, depth+1)
		}
		return parseArray(d, depth+1)
	case json.Number:
		if n, err := strconv.ParseInt(t.String(), 10, 64); err == nil {
			return n, nil
		}
		return t, nil
	case string:
		return t, checkString(t)
	default:
		return t, nil // true, false, null
	}
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	out := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, errNotJSON
		}
		key, _ := token.(string)
		if err := checkString(key); err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice {
			return nil, errKeyTwice
		}
		if out[key], err = parseValue(d, depth); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

func parseArray(d *json.Decoder, depth int) (any, error) {
	out := []any{}
	for d.More() {
		v, err := parseValue(d, depth)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := d.Token()
	return out, err
}

// checkString refuses what PostgreSQL could not store or a terminal would obey,
// and U+FFFD, which is what half a surrogate pair decodes to.
func checkString(s string) error {
	if strings.ContainsRune(s, utf8.RuneError) {
		return errNotUTF8
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return errControlChars
	}
	return nil
}

// fingerprint is the SHA-256 of what a request means: its path's parameters and
// its body with keys sorted and numbers in one spelling. Two requests have the
// same one exactly when they say the same.
func fingerprint(path string, body any) ([32]byte, error) {
	spelled, err := json.Marshal(body)
	if err != nil {
		return [32]byte{}, err
	}
	tree, err := parseJSON(spelled)
	if err != nil {
		return [32]byte{}, err
	}
	canonical, err := json.Marshal(map[string]any{"path": path, "body": tree})
	return sha256.Sum256(canonical), err
}
