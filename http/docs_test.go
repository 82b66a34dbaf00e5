package http_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/http"
)

var (
	anchors   = regexp.MustCompile(` id="([^"]+)"`)
	links     = regexp.MustCompile(`href="([^"]+)"`)
	styleText = regexp.MustCompile(`(?s)<style>(.*)</style>`)
	loading   = regexp.MustCompile(`(?i)<(script|link|img|iframe|object|embed|form)|\bsrc=|\bon[a-z]+=|url\(|@import`)
)

func TestThePagesForDevelopersLoadNothingAndLeadSomewhere(t *testing.T) {
	t.Parallel()
	e := start(t)
	ids := map[string][]string{}
	pages := map[string]string{}
	for _, path := range []string{"/docs", "/docs/errors"} {
		a := e.do(t, "GET", path, "", headers{"Authorization": ""})
		require.Equal(t, 200, a.status)
		require.Equal(t, "text/html; charset=utf-8", a.header("Content-Type"))
		require.NotRegexp(t, loading, string(a.body), "offline, and no script")
		style := styleText.FindSubmatch(a.body)
		require.Len(t, style, 2)
		sum := sha256.Sum256(style[1])
		require.Equal(t, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'; "+
			"base-uri 'none'; form-action 'none'; frame-ancestors 'none'", a.header("Content-Security-Policy"))
		for _, id := range anchors.FindAllStringSubmatch(string(a.body), -1) {
			require.NotContains(t, ids[path], id[1], "an id is one place's")
			ids[path] = append(ids[path], id[1])
		}
		pages[path] = string(a.body)
	}
	for path, page := range pages {
		for _, link := range links.FindAllStringSubmatch(page, -1) {
			to, fragment, within := strings.Cut(link[1], "#")
			if to == "" {
				to = path
			}
			require.Equal(t, 200, e.do(t, "GET", to, "").status, link[1])
			require.True(t, !within || slices.Contains(ids[to], fragment), "%s leads nowhere", link[1])
		}
	}
	for _, o := range operations(t, e) {
		require.Contains(t, pages["/docs"], "<code>"+o.path+"</code>")
	}
	problem := e.do(t, "GET", "/v1/payments/pay_x", "").problem(t)
	to, code, _ := strings.Cut(problem.Type, "#")
	require.Equal(t, "/docs/errors", to)
	require.Contains(t, ids[to], code, "a problem's type leads to its code")
}

// The same catalogue for whoever reads the repository.
func TestTheCatalogueOfCodesIsWritten(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	out.WriteString("# Codes\n\n" +
		"Made by `go test ./http -update` from the tables the program speaks from; an engine serves the same at `/docs/errors`.\n" +
		"A code without a status is found in payments and payouts: it says why something failed or waits.\n\n" +
		"| Code | Status | Retryable | French | English | What to do |\n|---|---|---|---|---|---|\n")
	codes := http.Catalogue()
	require.Greater(t, len(codes), 80)
	for _, c := range codes {
		statuses := strings.Trim(fmt.Sprint(c.Statuses), "[]")
		retry := map[bool]string{true: "yes", false: "no"}[c.Retryable]
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s | %s | %s |\n", c.Code, statuses, retry, c.French, c.English, c.Do)
		require.NotEmpty(t, c.Do)
	}
	const path = "../docs/errors.md"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o644))
	}
	written, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(written), out.String(), "go test ./http -update writes it")
}
