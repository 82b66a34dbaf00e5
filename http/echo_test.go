package http_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/http"
)

// canaries are what no problem may repeat, each spelled so that nothing else holds it.
var canaries = []string{"709876543", "4242424242424242", "987654"}

// spoilt are the ways a canary is sent in a field, as JSON and as text: as it is, of
// another type, of another form, too long.
func spoilt(canary string) (bodies []any, texts []string) {
	texts = []string{
		canary, "0" + canary, "+2250" + canary, canary + "'; DROP", "é" + canary, strings.Repeat(canary+"-", 40),
		"{" + canary + "}", "%" + canary, "<" + canary + ">",
	}
	for _, text := range texts {
		bodies = append(bodies, text)
	}
	return append(bodies, json.Number(canary), json.Number(canary+".5"), []any{canary}, map[string]any{canary: canary}, nil), texts
}

// field is one place of a request that the contract lets a caller fill.
type field struct{ in, name string }

// operation is one of the contract's, with a request that is right.
type operation struct {
	method, path string
	values       map[field]string
	body         map[string]any // nil: it takes none
	fields       []field
}

type anyMap = map[string]any

func within(tree any, path ...string) any {
	for _, name := range path {
		m, _ := tree.(anyMap)
		tree = m[name]
	}
	return tree
}

// operations reads the contract as it is served.
func operations(t *testing.T, e *edge) []operation {
	t.Helper()
	var tree anyMap
	document, _ := http.Documents(e.server)
	require.NoError(t, json.Unmarshal(document, &tree))
	resolve := func(v any) any {
		if ref, is := within(v, "$ref").(string); is {
			return within(tree, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		return v
	}
	var out []operation
	for path, item := range within(tree, "paths").(anyMap) {
		for method, described := range item.(anyMap) {
			o := operation{method: strings.ToUpper(method), path: path, values: map[field]string{}}
			parameters, _ := within(described, "parameters").([]any)
			for _, p := range parameters {
				p = resolve(p)
				f := field{within(p, "in").(string), within(p, "name").(string)}
				o.fields = append(o.fields, f)
				if required, _ := within(p, "required").(bool); required {
					example := within(p, "example")
					if examples, _ := within(p, "schema", "examples").([]any); example == nil && len(examples) > 0 {
						example = examples[0]
					}
					require.NotNil(t, example, "%s %s: %s", method, path, f.name)
					o.values[f] = fmt.Sprint(example)
				}
			}
			if body := within(described, "requestBody", "content", "application/json", "schema"); body != nil {
				o.body = anyMap{}
				properties, _ := within(resolve(body), "properties").(anyMap)
				for name, property := range properties {
					o.fields = append(o.fields, field{"body", name})
					if examples, _ := within(property, "examples").([]any); len(examples) > 0 {
						o.body[name] = examples[0]
					}
				}
				o.fields = append(o.fields, field{"body", "nobody_described"})
			}
			o.fields = append(o.fields, field{"query", "nobody_described"})
			out = append(out, o)
		}
	}
	return out
}

// spelled is the request with one field replaced.
func (o operation) spelled(t *testing.T, f field, text string, value any) (path, body string, with headers) {
	t.Helper()
	values := maps.Clone(o.values)
	if f.in != "body" {
		values[f] = text
	}
	path, with = o.path, headers{}
	query := url.Values{}
	for place, v := range values {
		switch place.in {
		case "path":
			path = strings.ReplaceAll(path, "{"+place.name+"}", url.PathEscape(v))
		case "query":
			query.Set(place.name, v)
		case "header":
			with[place.name] = v
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	if o.body == nil {
		return path, "", with
	}
	fields := maps.Clone(o.body)
	if f.in == "body" {
		fields[f.name] = value
	}
	encoded, err := json.Marshal(fields)
	require.NoError(t, err)
	return path, string(encoded), with
}

// Every field of every operation, one after the other, is sent a phone, a card and a code,
// wrong in type and in form. No problem repeats one, in its body or in its headers, and no
// log line does; the fields are read from the contract, so that one added later is tried too.
func TestNoProblemRepeatsWhatWasSent(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	people := e.minted(t, member("awa", engine.RoleFinance))
	all := operations(t, e)
	require.Len(t, all, 16)
	tried, refused, codes := 0, 0, map[engine.Code]int{}
	hold := func(o operation, path, body string, with headers) {
		caller := headers{"Authorization": "Bearer " + platformSecret}
		if strings.HasPrefix(o.path, "/v1/staff") {
			caller = people
		}
		if strings.HasSuffix(o.path, "/events") {
			path += "?last_event_id=none" // refused: a stream would not end
		}
		a := e.do(t, o.method, path, body, caller, with)
		tried++
		if a.status < 400 {
			return
		}
		refused++
		codes[a.problem(t).Code]++
		whole := string(a.body) + fmt.Sprint(slices.Sorted(maps.Values(a.headers)))
		for _, canary := range canaries {
			require.NotContains(t, whole, canary, "%s %s %s", o.method, path, body)
		}
		require.NotContains(t, whole, "%C3%A9")
		require.NotContains(t, whole, "DROP")
	}
	for _, o := range all {
		for _, f := range o.fields {
			if o.path == "/v1/payments/{id}/events" && f.in == "query" {
				continue // hold's own
			}
			for _, canary := range canaries {
				bodies, texts := spoilt(canary)
				if f.in != "body" {
					for _, text := range texts {
						if f.in == "header" {
							text = url.QueryEscape(text) // what a header can hold
						}
						path, body, with := o.spelled(t, f, text, nil)
						hold(o, path, body, with)
					}
					continue
				}
				for _, value := range bodies {
					path, body, with := o.spelled(t, f, "", value)
					hold(o, path, body, with)
				}
			}
		}
	}
	require.Greater(t, refused, 1000)
	for _, canary := range canaries {
		require.NotContains(t, e.log.String(), canary)
	}
	require.Zero(t, codes["rate_limited"], "a request that is turned away at the door is not read")
	require.Greater(t, len(codes), 15, "%v", codes)
	t.Logf("%d requests, %d refused: %v", tried, refused, codes)
}
