package http_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/http"
)

// adminPaths are what the other listener serves, and console and documents that
// scanners ask for.
var adminPaths = []string{
	"/healthz", "/readyz", "/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/vars", "/admin", "/console",
	"/", "/.env", "/.git/config", "/status", "/health", "/v1", "/v1/", "/v1/payments", "/v1/payments/", "/webhooks", "/webhooks/", "/return/",
	"/schemas/Payment.json", "/swagger.json", "/favicon.ico", "/robots.txt",
}

// TestAScanOfThePublicPortFindsTheTableAndNothingElse asks for everything with every
// method, as a scanner with a right key would (S-22).
func TestAScanOfThePublicPortFindsTheTableAndNothingElse(t *testing.T) {
	t.Parallel()
	e := start(t)
	rows := http.RouterRoutes(e.server)
	fill := strings.NewReplacer(
		"{id}", "pay_01kapw8c2vf8xtr0q6ynd9b5mh", "{payment}", "pay_01kapw8c2vf8xtr0q6ynd9b5mh", "{talent}", "tl_1", "{booking}", "bk_1",
		"{gateway}", "paystack",
	)
	parameter := regexp.MustCompile(`\{\w+\}`)
	var patterns []*regexp.Regexp
	table, paths := map[string]bool{}, append([]string{}, adminPaths...)
	for _, row := range rows {
		fields := strings.Fields(row)
		path := fill.Replace(fields[1])
		table[fields[0]+" "+path] = true
		patterns = append(patterns, regexp.MustCompile("^"+parameter.ReplaceAllString(fields[0]+" "+fields[1], "[^/]+")+"$"))
		paths = append(paths, path, path+"/", path+".json", strings.ToUpper(path))
	}
	found := map[string]bool{}
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
			a := e.do(t, method, path, "")
			if a.status == 405 || (method == "HEAD" && a.status == 404) { // a 404 without a body to say why
				continue
			}
			var p http.Problem
			_ = json.Unmarshal(a.body, &p)
			if p.Code != "route_unknown" {
				found[method+" "+path] = true
			}
		}
	}
	for one := range found {
		inTable := slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(one) })
		require.True(t, inTable, "%s is served and in no row", one)
	}
	for one := range table {
		require.True(t, found[one], "%s is in the table and is not served", one)
	}
}

func TestTheAdminListenerServesNothingOfTheAPI(t *testing.T) {
	t.Parallel()
	e := start(t)
	for _, path := range []string{"/v1/talents/tl_1/balance", "/openapi.json", "/webhooks/paystack", "/return/pay_x"} {
		for _, method := range []string{"GET", "POST"} {
			status, _, _ := e.client.Get(nil, e.admin+path)
			if method == "POST" {
				status, _, _ = e.client.Post(nil, e.admin+path, nil)
			}
			require.Contains(t, []int{404, 405}, status, "%s %s", method, path)
		}
	}
	status, body, err := e.client.Get(nil, e.admin+"/healthz")
	require.NoError(t, err)
	require.Equal(t, 200, status)
	require.Equal(t, "ok\n", string(body), "it says nothing")
}
