package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// client speaks the engine's API as any platform would.
type client struct {
	base string
	key  string
	http *http.Client
}

// answerBytesMax bounds an answer of the API: a payment with its whole timeline
// is a few KiB.
const answerBytesMax = 1 << 20

func newClient(base, key string) *client {
	return &client{base: base, key: key, http: &http.Client{
		Timeout:   20 * time.Second, // longer than the API's own answer to anything
		Transport: &http.Transport{MaxIdleConnsPerHost: payersMax, MaxConnsPerHost: payersMax},
		// A payer's browser comes back from the page; what the payment came to, the app asks.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// payOnPage is what a payer does on a gateway's hosted page.
func (c *client) payOnPage(ctx context.Context, page string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader("do=pay"))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// payment is what the payers read of the API's payment resource.
type payment struct {
	ID          string `json:"id"`
	Status      string `json:"status"`
	PollAfterMS int    `json:"poll_after_ms"`
	NextAction  struct {
		Type string `json:"type"`
		URL  string `json:"redirect_url"`
	} `json:"next_action"`
	Payout *struct {
		Status string `json:"status"`
	} `json:"payout"`
}

// refused is an answer that is no 2xx.
type refused struct {
	status int
	code   string
}

func (r *refused) Error() string { return fmt.Sprintf("HTTP %d %s", r.status, r.code) }

func (c *client) call(ctx context.Context, method, path, idempotencyKey string, in, out any) error {
	var body io.Reader
	if in != nil {
		encoded, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+c.key)
	if in != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if idempotencyKey != "" {
		request.Header.Set("Idempotency-Key", idempotencyKey)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // read to the end already, or of no more use
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		var problem struct {
			Code string `json:"code"`
		}
		_ = json.Unmarshal(answer, &problem) // an unreadable problem has no code: the status tells
		return &refused{response.StatusCode, problem.Code}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}
