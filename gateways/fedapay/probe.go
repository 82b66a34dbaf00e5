package fedapay

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/wire"
)

// Probe asks something cheap that needs our key and moves no money: nil when
// FedaPay is there and takes us.
func (c *Client) Probe(ctx context.Context) error {
	if _, failure := c.list(ctx); failure != nil {
		return failure
	}
	return nil
}

// Offers compares what FedaPay knows with the routes that are on, and says in words
// what is missing. That list is what FedaPay knows, no proof that the account may
// use it: a mode it lacks is certain to be refused, and not offered on its page.
func (c *Client) Offers(ctx context.Context, routes engine.Routes) (missing []string, err error) {
	on := slices.DeleteFunc(slices.Clone(routes), func(r engine.Route) bool {
		return r.Off != "" || r.Gateway != engine.FedaPay || r.Direction != engine.Collect
	})
	if len(on) == 0 {
		return nil, nil
	}
	listed, failure := c.list(ctx)
	if failure != nil {
		return nil, failure
	}
	i := slices.IndexFunc(listed, func(one currency) bool { return one.ISO == "XOF" })
	if i < 0 {
		return []string{"FedaPay does not list XOF: nobody can be charged"}, nil
	}
	if len(listed[i].Modes) == 0 {
		return nil, nil // it tells no modes: nothing to compare
	}
	for _, route := range on {
		if lack := c.lacking(listed[i].Modes, route); lack != "" {
			missing = append(missing, lack)
		}
	}
	return missing, nil
}

// cardModes are those of XOF that take cards on the page (FedaPay, Modes).
var cardModes = []string{"stripe_gw", "cybersource", "uba"}

// lacking says what a route needs and a list of modes has not; "" is nothing. A page
// has no mode of its own: one of its operator will do, and of an operator that is
// listed for no country at all the list tells nothing.
func (c *Client) lacking(modes []string, route engine.Route) string {
	name := route.Operator.Name()
	switch mode := c.config.Modes[route.Operator]; {
	case route.Flow == engine.Direct && !slices.Contains(modes, mode):
		return fmt.Sprintf("FedaPay does not list the mode %s: charges of %s will be refused", mode, name)
	case route.Flow == engine.Direct:
		return ""
	case route.Method == engine.Card:
		if slices.ContainsFunc(modes, func(mode string) bool { return slices.Contains(cardModes, mode) }) {
			return ""
		}
		return "FedaPay lists no mode of cards: its page will not take them"
	}
	listed, ivorian := false, false
	for _, mode := range modes {
		if of, _, _ := strings.Cut(mode, "_"); of == string(route.Operator) {
			listed, ivorian = true, ivorian || strings.HasSuffix(mode, "_ci")
		}
	}
	if listed && !ivorian {
		return fmt.Sprintf("FedaPay lists %s in other countries alone: its page will not offer it in Côte d’Ivoire", name)
	}
	return ""
}

// Endpoints says in words what keeps FedaPay from telling us what happens: GET
// /v1/webhooks is what its dashboard shows. Ours are those that end in path, or,
// when a proxy gives them other names, whichever there are; one that works is
// enough. An endpoint that disables itself will do so in an outage of ours of a
// quarter of an hour (FedaPay docs, Webhooks, disable_on_error).
func (c *Client) Endpoints(ctx context.Context, path string) (faults []string, err error) {
	var listed []hook
	if failure := c.ask(ctx, question{op: OpWebhooks, path: "/v1/webhooks", wrapper: "v1/webhooks"}, &listed); failure != nil {
		return nil, failure
	}
	if len(listed) == 0 {
		return []string{"no webhook endpoint is registered: FedaPay tells us nothing"}, nil
	}
	another := func(h hook) bool { return !strings.HasSuffix(strings.TrimRight(h.place(), "/"), path) }
	if ours := slices.DeleteFunc(slices.Clone(listed), another); len(ours) > 0 {
		listed = ours
	}
	working := slices.DeleteFunc(slices.Clone(listed), func(h hook) bool { return h.Enabled == isFalse })
	if len(working) == 0 {
		return []string{fmt.Sprintf("the webhook endpoint %s is disabled: FedaPay tells us nothing", listed[0].place())}, nil
	}
	for _, h := range working {
		if h.DisableOnError == isTrue {
			const will = "the webhook endpoint %s disables itself after ten failures of ours: disable_on_error is on"
			faults = append(faults, fmt.Sprintf(will, h.place()))
		}
	}
	return faults, nil
}

// place is the endpoint's host and path: what may be logged of it.
func (h hook) place() string {
	at, err := url.Parse(string(h.URL))
	if err != nil {
		return "unreadable"
	}
	return wire.Shorten(at.Host + at.Path)
}
