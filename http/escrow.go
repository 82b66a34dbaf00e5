package http

import (
	"context"
	"errors"

	"github.com/valyala/fasthttp"

	"github.com/bookmi/cauri/engine"
)

type confirmDeliveryInput struct {
	Keyed
	Booking string `path:"booking" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"bk_1042"`
	Body    *struct{}
}

// confirmDelivery releases a booking's money: the payer has had the performance.
// Said again, under another key, it changes nothing and answers the same.
func (s *Server) confirmDelivery(ctx context.Context, c *call, in *confirmDeliveryInput) (*answered, error) {
	what := intention{
		operation: "confirm_delivery", path: in.Booking, keyed: in.Keyed,
		body: struct{}{}, status: fasthttp.StatusOK,
	}
	return s.once(ctx, c, what, func(key *engine.IdempotencyKey) (engine.Applied, error) {
		id, err := s.ports.Reports.BookingPayment(ctx, in.Booking)
		if err == nil {
			_, err = s.owned(ctx, c, id)
		}
		if errors.Is(err, engine.NotFound) { // none, or none of the caller's
			return engine.Applied{}, engine.Errorf(engine.NotFound, engine.CodeBookingUnknown, "this booking has no payment")
		}
		if err != nil {
			return engine.Applied{}, err
		}
		command := engine.ConfirmDelivery{Principal: c.principal.Name()}
		return s.ports.Asker.Ask(ctx, engine.Ask{Transaction: id, Command: command, Key: key})
	})
}
