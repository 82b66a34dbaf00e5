package fedapay

import (
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
	address := c.opens(string(way.URL))
	if address == "" {
		return engine.ChargeReport{}, engine.Errorf(engine.Unavailable, engine.CodeGatewayMisconfigured,
			"the page is not where a payer may be sent")
	}
	return engine.ChargeReport{
		Status: engine.ChargeRedirects, Live: c.live, GatewayReference: string(created.ID),
		URL: address, Window: linkLife,
	}, nil
}

// opens is an address that a payer may be sent to; "" is one that they may not.
func (c *Client) opens(address string) string {
	open, told := c.places.MayOpen(address)
	if open == "" {
		c.config.Observer.unknown("url", told)
	}
	return open
}
