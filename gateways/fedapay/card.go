package fedapay

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bookmi/cauri/engine"
)

// The hosted page: for cards, whose numbers never come near us, and for the
// operators that FedaPay does not charge without one.

// linkLife is how long a link can be paid: FedaPay lets a pending transaction
// expire after a day.
const linkLife = 24 * time.Hour

// page hands the payer the transaction's link. One that may not be opened is
// kept to ourselves: nobody has it, so nobody can pay.
func (c *Client) page(created transaction, way token) (engine.ChargeReport, error) {
	if !c.mayOpen(string(way.URL)) {
		return engine.ChargeReport{}, engine.Errorf(engine.Unavailable, engine.CodeGatewayMisconfigured,
			"the page is not where a payer may be sent")
	}
	return engine.ChargeReport{
		Status: engine.ChargeRedirects, Live: c.live, GatewayReference: string(created.ID),
		URL: string(way.URL), Window: linkLife,
	}, nil
}

// mayOpen reports that a payer may be sent to an address: https, on a host we
// know. The gateway's own host may be plain http when the gateway is, and with a
// sandbox key so may this machine: a simulated page. Of an address that may not
// be opened the observer is told the host alone: the rest is a way to pay.
func (c *Client) mayOpen(address string) bool {
	to, err := url.Parse(address)
	if err != nil || len(address) > urlBytesMax || to.User != nil {
		c.config.Observer.unknown("url", "unreadable")
		return false
	}
	name := strings.ToLower(to.Hostname())
	ours := to.Scheme == c.base.Scheme && to.Host == c.base.Host
	pretended := !c.live && to.Scheme == "http" && isLoopback(name)
	known := to.Scheme == "https" && (to.Port() == "" || to.Port() == "443") &&
		slices.ContainsFunc(c.config.RedirectHosts, func(host string) bool {
			return name == host || strings.HasSuffix(name, "."+host)
		})
	allowed := ours || known || pretended
	if !allowed {
		c.config.Observer.unknown("url", to.Scheme+"://"+to.Host)
	}
	return allowed
}

// urlBytesMax is what browsers and phones are sure to open.
const urlBytesMax = 2048
