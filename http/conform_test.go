package http_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/http"
	"github.com/bookmi/cauri/http/contracttest"
)

// contracts are both descriptions, read once: every server of these tests serves the same.
var contracts struct {
	once sync.Once
	both []contracttest.Contract
	err  error
}

func (e *edge) contracts() ([]contracttest.Contract, error) {
	contracts.once.Do(func() {
		v31, v30 := http.Documents(e.server)
		for _, document := range [][]byte{v31, v30} {
			c, err := contracttest.Read(document)
			if err != nil {
				contracts.err = err
				return
			}
			contracts.both = append(contracts.both, c)
		}
	})
	return contracts.both, contracts.err
}

// check is what every exchange of every test of this package goes through.
func (e *edge) check(t *testing.T, x contracttest.Exchange) {
	t.Helper()
	both, err := e.contracts()
	require.NoError(t, err, "the contract itself is wrong")
	for _, c := range both {
		require.NoError(t, c.Check(x), "%s", x.Answer)
	}
	if x.Got.Get("Content-Type") != "application/problem+json" || x.Method == "HEAD" {
		return
	}
	var p http.Problem
	require.NoError(t, json.Unmarshal(x.Answer, &p))
	codes := http.Catalogue()
	known := slices.IndexFunc(codes, func(c http.CatalogueEntry) bool { return c.Code == p.Code })
	require.GreaterOrEqual(t, known, 0, "%s is in no catalogue", p.Code)
	require.Contains(t, codes[known].Statuses, x.Status, "%s is not told of as a %d", p.Code, x.Status)
}

// The check has teeth: a payment as it is answered passes, and every way of being wrong
// that a client would stumble over does not.
func TestWhatIsNotAsDescribedIsFound(t *testing.T) {
	t.Parallel()
	e := start(t)
	e.gateway = onPhone
	p := e.initiated(t, "bk_1")
	right := string(e.do(t, "GET", "/v1/payments/"+p.ID, "").body)
	kind := func(k string) map[string][]string { return map[string][]string{"Content-Type": {k}} }
	get := func(status int, answer string) contracttest.Exchange {
		return contracttest.Exchange{
			Method: "GET", Path: "/v1/payments/" + p.ID, Status: status, Got: kind("application/json"), Answer: []byte(answer),
		}
	}
	problem := get(404, `{"type":"x","title":"X","status":404,"code":"x","display_text":"X.","retryable":false,"request_id":"r"}`)
	problem.Got = kind("application/problem+json")
	nobodys := get(200, `nonsense`)
	nobodys.Path = "/v1/nothing"
	post := func(body, key string) contracttest.Exchange {
		x := get(202, right)
		x.Method, x.Path, x.Body, x.Sent = "POST", "/v1/payments/initiate", []byte(body), kind("application/json")
		if key != "" {
			x.Sent.Set("Idempotency-Key", key)
		}
		return x
	}
	html := get(200, right)
	html.Got = kind("text/html")
	bare := problem
	bare.Answer = []byte(`{"type":"x","title":"X","status":404,"code":"x"}`)
	both, err := e.contracts()
	require.NoError(t, err)
	require.Len(t, both, 2)
	for _, c := range both {
		for name, x := range map[string]contracttest.Exchange{
			"a payment": get(200, right), "a problem": problem, "an address without a description": nobodys,
			"a request": post(orangeBody(t, nil), "k"),
		} {
			require.NoError(t, c.Check(x), "%s: %s", c.Version, name)
		}
		for name, x := range map[string]contracttest.Exchange{
			"a field of another type":    get(200, strings.Replace(right, `"amount":15000`, `"amount":"15000"`, 1)),
			"an amount with decimals":    get(200, strings.Replace(right, `"amount":15000`, `"amount":15000.5`, 1)),
			"a field nobody described":   get(200, strings.Replace(right, `"amount":15000`, `"amount":15000,"pin":1`, 1)),
			"a field that is missing":    get(200, strings.Replace(right, `"amount":15000,`, ``, 1)),
			"a null":                     get(200, strings.Replace(right, `"amount":15000`, `"amount":null`, 1)),
			"a time that is none":        get(200, strings.Replace(right, p.CreatedAt.Format("2006-01-02T"), "yesterday T", 1)),
			"another kind of body":       html,
			"a status nobody described":  get(418, right),
			"a problem with half of it":  bare,
			"an accepted wrong request":  post(orangeBody(t, map[string]any{"amount": "15000"}), "k"),
			"an accepted unknown field":  post(orangeBody(t, map[string]any{"pin": "1"}), "k"),
			"an accepted currency":       post(orangeBody(t, map[string]any{"currency": "EUR"}), "k"),
			"a money POST without a key": post(orangeBody(t, nil), ""),
		} {
			require.Error(t, c.Check(x), "%s: %s", c.Version, name)
		}
	}
}
