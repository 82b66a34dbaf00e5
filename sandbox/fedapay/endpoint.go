package fedapay

import (
	"time"

	"github.com/bookmi/cauri/sandbox"
)

// Endpoint is the webhook endpoint of a domain, as the dashboard shows it.
type Endpoint struct {
	Domain         string `json:"domain"`
	URL            string `json:"url"`
	Enabled        bool   `json:"enabled"`
	DisableOnError bool   `json:"disable_on_error"`
	FailuresInARow int    `json:"failures_in_a_row"`
}

// Endpoint shows that of the first key's domain.
func (s *Server) Endpoint() Endpoint { return s.endpointOf(s.firstDomain()) }

func (s *Server) endpointOf(domain string) Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, known := s.endpoints[domain]
	if !known {
		return Endpoint{}
	}
	return Endpoint{domain, s.url, e.Enabled, e.DisableOnError, e.Failures}
}

// Enable switches the endpoint of the first key's domain on again, as an
// operator does in the dashboard. What was lost meanwhile stays lost: it is
// found in the list of events.
func (s *Server) Enable() {
	s.switchEndpoint(s.firstDomain(), func(e *endpoint) { e.Enabled, e.Failures = true, 0 })
}

// DisableOnError sets the option of that name of the first key's domain.
func (s *Server) DisableOnError(on bool) {
	s.switchEndpoint(s.firstDomain(), func(e *endpoint) { e.DisableOnError = on })
}

func (s *Server) switchEndpoint(domain string, do func(*endpoint)) {
	s.update(func(c *change) answer {
		if e, known := c.endpoints[domain]; known {
			do(e)
			c.saveEndpoint(e)
		}
		return answer{}
	})
}

func (c *change) saveEndpoint(e *endpoint) {
	e.UpdatedAt = c.now
	c.entry.Endpoints = append(c.entry.Endpoints, e)
	if e.Enabled {
		c.hooks.Enable(e.Domain)
	} else {
		c.hooks.Disable(e.Domain)
	}
}

// recordTry writes a try down, and disables the endpoint when that was one too
// many.
func (s *Server) recordTry(t sandbox.Tried) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &change{Server: s, now: s.clock.Now(), entry: entry{Tried: &t}}
	e := c.endpoints[t.Domain]
	switch {
	case t.State == sandbox.Done && e.Failures > 0:
		e.Failures = 0
		c.saveEndpoint(e)
	case t.State == sandbox.Waiting, t.State == sandbox.GivenUp:
		e.Failures++
		over := t.State == sandbox.GivenUp || c.cfg.Guesses.TenOfAnyEvents && e.Failures >= triesMax
		if over && e.DisableOnError {
			e.Enabled = false
		}
		c.saveEndpoint(e)
	}
	// A try that could not be written down is made again after a restart: the
	// client sees a duplicate, which it must stand anyway.
	_, _ = s.journal.Append(c.entry)
}

// webhookShape is one of GET /v1/webhooks.
type webhookShape struct {
	Klass          string            `json:"klass"`
	ID             uint64            `json:"id"`
	URL            string            `json:"url"`
	Enabled        bool              `json:"enabled"`
	SSLVerify      bool              `json:"ssl_verify"`
	DisableOnError bool              `json:"disable_on_error"`
	AccountID      int               `json:"account_id"`
	Headers        map[string]string `json:"http_headers"`
	CreatedAt      stamp             `json:"created_at"`
	UpdatedAt      stamp             `json:"updated_at"`
}

func (s *Server) webhookShapeOf(e *endpoint) webhookShape {
	return webhookShape{
		Klass: "v1/webhook", ID: e.ID, URL: s.url, Enabled: e.Enabled, SSLVerify: true, DisableOnError: e.DisableOnError,
		AccountID: accountID, Headers: map[string]string{}, CreatedAt: stamp(e.CreatedAt), UpdatedAt: stamp(e.UpdatedAt),
	}
}

// listWebhooks is GET /v1/webhooks: one endpoint per domain.
func (s *Server) listWebhooks(r *request) answer {
	return s.read(func(time.Time) answer {
		return list(r, "v1/webhooks", []*endpoint{s.endpoints[r.Domain]}, func(*endpoint) bool { return true }, s.webhookShapeOf)
	})
}

// fetchWebhook is GET /v1/webhooks/{id}.
func (s *Server) fetchWebhook(r *request) answer {
	return s.read(func(time.Time) answer {
		e := s.endpoints[r.Domain]
		if decimal(e.ID) != r.Arg {
			return errNotFound
		}
		return wrapped("v1/webhook", s.webhookShapeOf(e))
	})
}
