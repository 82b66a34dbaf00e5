package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A person's commands take the same way as everybody's requests: the engine says who
// may, and writes down who did.

// api is an engine, and as whom it is asked.
type api struct {
	base, key string
	platforms bool // the platform's key: there is no person's
}

// apiWithin bounds a question. The engine's own limits are shorter.
const apiWithin = 30 * time.Second

// api is the engine of the settings, for a person with a key of their own. A developer
// without one looks as the platform does; what only staff may is refused by the engine.
func (s *Settings) api() (*api, error) {
	if s.Env == Development {
		s.assumeAccess()
	}
	key := s.StaffKey
	platforms := key.IsZero() && s.Env == Development
	if platforms {
		key = s.APIKey
	}
	if key.IsZero() {
		return nil, misused("CAURI_STAFF_KEY is missing: it is your own key, cs_…, which cauri keys new --staff makes")
	}
	if strings.ContainsFunc(key.Reveal(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return nil, misused("CAURI_STAFF_KEY is no key: it is one word, cs_…, without spaces or line ends")
	}
	base := s.APIURL
	if base == "" {
		host, port, err := net.SplitHostPort(s.HTTPAddr)
		if err != nil {
			return nil, misused("CAURI_HTTP_ADDR is not host:port; or say CAURI_API_URL")
		}
		if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
			host = "127.0.0.1" // it listens on every address: this machine's is one
		}
		base = "http://" + net.JoinHostPort(host, port)
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, misused("CAURI_API_URL is no address: https://host")
	}
	if u.Scheme != "https" && !isLoopback(u.Hostname()) {
		return nil, misused("CAURI_API_URL is not https: your key would be read on its way")
	}
	return &api{strings.TrimSuffix(base, "/"), key.Reveal(), platforms}, nil
}

// unreached is an engine that does not answer.
type unreached struct{ error }

// ExitCode says that it may be tried again.
func (unreached) ExitCode() int { return exitTryAgain }

// exchange sends one request and returns what it is answered with, at most apiBytesMax
// of it. It returns unreached when there is no answer.
func exchange(ctx context.Context, method, address string, headers map[string]string, body []byte) (status int, answer []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, apiWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	host := request.URL.Scheme + "://" + request.URL.Host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		var named *url.Error
		if errors.As(err, &named) {
			err = named.Err // without the address: it may have what was searched for
		}
		return 0, nil, unreached{fmt.Errorf("no engine answers at %s: %w", host, err)}
	}
	defer func() { _ = response.Body.Close() }() // read as far as we want
	answer, err = io.ReadAll(io.LimitReader(response.Body, apiBytesMax))
	if err != nil {
		return 0, nil, unreached{fmt.Errorf("%s broke off: %w", host, err)}
	}
	return response.StatusCode, answer, nil
}

// apiBytesMax bounds an answer: a page of a hundred payments is under 300 KiB.
const apiBytesMax = 8 << 20
