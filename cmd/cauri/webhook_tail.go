package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/persistence"
)

type webhookTail struct {
	Since time.Duration `default:"1m" help:"Begin so long ago, at most 24h."`
	Once  bool          `help:"Show what has come, and do not wait for more."`
	JSON  bool          `help:"For machines: one JSON document a line."`
}

const (
	// tailEvery is how often the tail looks: a read of an index a second.
	tailEvery = time.Second
	// tailPage is how many it shows at a time. More than that came in a second: the next
	// look goes on where this one ended.
	tailPage = 500
	tailMax  = 24 * time.Hour
)

// Validate is kong's.
func (c webhookTail) Validate() error {
	if c.Since < 0 || c.Since > tailMax {
		return misused("--since is from 0 to 24h")
	}
	return nil
}

// Run shows deliveries until it is told to stop. It shows no body: there are people in
// it. webhook verify tells what one says.
func (c webhookTail) Run(ctx context.Context, settings *Settings, to streams) error {
	return settings.onStore(ctx, to, func(store *persistence.Store) error {
		after, pace := time.Now().Add(-c.Since), time.NewTicker(tailEvery)
		defer pace.Stop()
		for {
			found, err := store.Received(ctx, after, tailMax+time.Hour, tailPage)
			if err != nil {
				return err
			}
			for _, r := range found {
				if after = r.At; c.JSON {
					err = json.NewEncoder(to.out).Encode(tailed(r)) // one a line
				} else {
					to.printf("%s  %-8s %-22s %-8s %s  %s\n", r.At.Format("15:04:05.000"), r.Gateway, r.Kind, r.Status,
						paymentOf(r.Transaction), r.Identity)
				}
				if err != nil {
					return err
				}
			}
			if len(found) == tailPage {
				continue
			}
			if c.Once {
				return nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-pace.C:
			}
		}
	})
}

// Tailed is a delivery as the tail shows it to machines.
type Tailed struct {
	persistence.Received
	PaymentID string `json:"payment_id,omitempty"`
}

func tailed(r persistence.Received) Tailed {
	return Tailed{Received: r, PaymentID: paymentOf(r.Transaction)}
}

func paymentOf(id engine.ID) string {
	if id.IsZero() {
		return ""
	}
	return id.Payment()
}

type webhookVerify struct {
	Gateway   engine.Gateway `arg:"" enum:"paystack,fedapay" help:"${enum}."`
	Signature string         `required:"" help:"What stood in x-paystack-signature or x-fedapay-signature."`
	Body      string         `default:"-" placeholder:"FILE" help:"The body, byte by byte; - is standard input."`
	JSON      bool           `help:"For machines."`
}

// Verdict is what a webhook is found to be.
type Verdict struct {
	Genuine   bool            `json:"genuine"`
	Secret    string          `json:"secret,omitempty"` // the id of the one that matched
	Says      string          `json:"says"`
	Kind      string          `json:"kind,omitempty"`
	Identity  engine.Identity `json:"identity,omitempty"`
	Reference string          `json:"reference,omitempty"`
	PaymentID string          `json:"payment_id,omitempty"`
}

// webhookBytesMax is the edge's own bound of a body, a hundred times over.
const webhookBytesMax = 10 << 20

// Run checks it as the edge would; nothing is stored. It exits 3 when it is not genuine.
func (c webhookVerify) Run(_ context.Context, settings *Settings, to streams) error {
	body, err := c.read()
	if err != nil {
		return err
	}
	webhooks, err := settings.webhooks(c.Gateway)
	if err != nil {
		return err
	}
	v := verdictOf(webhooks, engine.Delivery{Signature: []byte(strings.TrimSpace(c.Signature)), Body: body, ReceivedAt: time.Now().UTC()})
	if c.JSON {
		err = to.printJSON(v)
	} else {
		to.printf("%s\n", v.Says)
		for _, fact := range [][2]string{{"signed with", v.Secret}, {"kind", v.Kind}, {"identity", string(v.Identity)},
			{"reference", v.Reference}, {"payment", v.PaymentID}} {
			if fact[1] != "" {
				to.printf("  %-12s %s\n", fact[0], fact[1])
			}
		}
	}
	if err == nil && !v.Genuine {
		err = broken("this webhook would be refused")
	}
	return err
}

func (c webhookVerify) read() ([]byte, error) {
	from := io.Reader(os.Stdin)
	if c.Body != "-" {
		file, err := os.Open(c.Body)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }() // only read
		from = file
	}
	body, err := io.ReadAll(io.LimitReader(from, webhookBytesMax))
	if err == nil && len(body) == 0 {
		err = misused("there is no body")
	}
	return body, err
}

// webhooks reads a gateway's webhooks as the edge of these settings would.
func (s *Settings) webhooks(gateway engine.Gateway) (engine.Webhooks, error) {
	if err := s.complete(); err != nil {
		return nil, err
	}
	outside, err := newApp(*s, s.policy(), "", slog.New(slog.DiscardHandler)).openOutside()
	if err != nil {
		return nil, err
	}
	receiver, known := outside.receivers[gateway]
	if !known {
		return nil, misused("there is no " + string(gateway) + " in this configuration")
	}
	return receiver.Webhooks, nil
}

func verdictOf(webhooks engine.Webhooks, d engine.Delivery) Verdict {
	var v Verdict
	var err error
	if v.Secret, err = webhooks.Verify([][]byte{d.Signature}, d.Body); err != nil {
		v.Says = "not genuine: no secret of ours signed these bytes (" + err.Error() + ")"
		if _, notHex := hex.DecodeString(string(d.Signature)); notHex == nil {
			v.Says += "; is the body as it came, with every space and the last newline?"
		}
		return v
	}
	v.Genuine = true
	n, err := webhooks.Parse(d)
	v.Kind, v.Identity = n.Kind, n.Identity
	var said *engine.Error
	switch {
	case err == nil:
		v.Says = "genuine, and about a payment that may be ours"
		v.Reference, v.PaymentID = n.Reference.String(), paymentOf(n.Reference.Transaction)
	case errors.As(err, &said) && said.Code == engine.CodeNotificationForeign:
		v.Says = "genuine, and nothing of ours: " + n.Foreign
	default:
		v.Says = "genuine, and can't be read: " + err.Error()
	}
	return v
}
