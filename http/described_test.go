package http_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/http"
)

// Whoever holds only the contract can hold the API: each operation says what it is for,
// who is let in, what it takes and everything it may answer.
func TestEveryOperationIsDescribedInFull(t *testing.T) {
	t.Parallel()
	e := start(t)
	v31, v30 := http.Documents(e.server)
	for _, document := range [][]byte{v31, v30} {
		var tree map[string]any
		require.NoError(t, json.Unmarshal(document, &tree))
		for _, o := range operations(t, e) {
			op := within(tree, "paths", o.path, map[string]string{"GET": "get", "POST": "post", "PUT": "put"}[o.method])
			name := o.method + " " + o.path
			require.NotEmpty(t, within(op, "summary"), name)
			require.NotEmpty(t, within(op, "description"), name)
			require.Len(t, within(op, "tags"), 1, name)
			require.Len(t, within(op, "security"), 1, name)
			for _, status := range []string{"400", "401", "403", "422", "429", "500", "503"} {
				require.NotNil(t, within(op, "responses", status), "%s: %s", name, status)
			}
			money := o.method == "POST" && within(op, "requestBody") != nil && within(op, "tags").([]any)[0] != "staff"
			keyed := false
			for _, f := range o.fields {
				keyed = keyed || f == field{"header", "Idempotency-Key"}
			}
			asksOnly := o.path == "/v1/payments/{id}/verify"
			require.Equal(t, money && !asksOnly, keyed, name)
			if o.body != nil {
				require.NotNil(t, within(op, "responses", "413"), name)
				require.NotNil(t, within(op, "responses", "415"), name)
			}
		}
		responses := within(tree, "components", "responses")
		for _, name := range []string{"TooMany", "Unavailable", "Conflict"} {
			require.NotNil(t, within(responses, name, "headers", "Retry-After"), name)
		}
		for name, response := range responses.(map[string]any) {
			require.NotNil(t, within(response, "content", "application/problem+json", "example", "display_text"), name)
			require.NotNil(t, within(response, "headers", "X-Request-Id"), name)
		}
	}
}

// What generators of Dart clients mishandle is not in the document that is for them.
func TestTheOlderDocumentHasNothingThatGeneratorsMishandle(t *testing.T) {
	t.Parallel()
	_, v30 := http.Documents(start(t).server)
	var tree any
	require.NoError(t, json.Unmarshal(v30, &tree))
	schemas := 0
	var look func(path string, v any)
	look = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			for i, item := range v {
				look(fmt.Sprintf("%s/%d", path, i), item)
			}
		case map[string]any:
			for name, item := range v {
				switch name {
				case "oneOf", "anyOf", "allOf", "not", "nullable", "const", "examples", "patternDescription", "contentEncoding":
					_, ofMedia := v["schema"] // a body's named examples are 3.0's own
					require.True(t, name == "examples" && ofMedia, "%s has %s", path, name)
				case "type":
					if _, described := v["properties"]; described {
						schemas++
					}
					if _, listed := item.([]any); listed {
						require.Fail(t, "a type that is a list", path)
					}
				case "$ref":
					require.Len(t, v, 1, "%s: nothing stands beside a reference", path)
				}
				look(path+"/"+name, item)
			}
		}
	}
	look("", tree)
	require.Greater(t, schemas, 10)
}
