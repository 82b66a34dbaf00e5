package http

import (
	"strconv"
	"strings"

	"github.com/bookmi/cauri/engine"
)

// language is what people are spoken to in.
type language int

// French comes first: it is the default.
const (
	french language = iota
	english
)

// languageOf reads Accept-Language (RFC 9110, 12.5.4): the language of ours with
// the greatest weight, the earlier one on a tie, French when none is asked for.
func languageOf(header string) language {
	best, chosen := 0.0, french
	for part := range strings.SplitSeq(header, ",") {
		tag, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight := 1.0
		if q, given := strings.CutPrefix(strings.TrimSpace(parameters), "q="); given {
			parsed, err := strconv.ParseFloat(q, 64)
			if err != nil || !(parsed >= 0 && parsed <= 1) { // NaN is neither
				continue
			}
			weight = parsed
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if weight <= best {
			continue
		}
		switch primary {
		case "fr", "*":
			best, chosen = weight, french
		case "en":
			best, chosen = weight, english
		}
	}
	return chosen
}

func (l language) String() string {
	if l == english {
		return "en"
	}
	return "fr"
}

// text is one sentence in each language.
type text struct{ fr, en string }

func (t text) in(l language) string {
	if l == english {
		return t.en
	}
	return t.fr
}

// textOf says what a code means to people. A field's name stands for {field}.
func textOf(l language, code engine.Code, field string) string {
	t, known := texts[code]
	if !known {
		t = texts[engine.CodeInternal]
	}
	_, name, _ := strings.Cut(field, ".")
	return strings.ReplaceAll(t.in(l), "{field}", name)
}

func list(names []string, or string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + or + names[last]
}
