package http

import (
	"context"
	"time"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// Balance is a talent's three numbers.
type Balance struct {
	TalentID       string    `json:"talent_id" example:"tl_77"`
	Available      int64     `json:"available" doc:"Released and not yet sent, whole francs." example:"12750"`
	PaidThisMonth  int64     `json:"paid_this_month" doc:"Paid in this month of Abidjan (UTC), whole francs." example:"170000"`
	PendingRelease int64     `json:"pending_release" doc:"The talent's part of what escrow still holds, whole francs." example:"42500"`
	Currency       string    `json:"currency" example:"XOF"`
	AsOf           time.Time `json:"as_of"`
}

// TalentPath is exported because Huma reads exported embedded fields only.
type TalentPath struct {
	Talent string `path:"talent" pattern:"^[A-Za-z0-9_.-]{1,64}$" example:"tl_77"`
}

type balanceOutput struct{ Body Balance }

func (s *Server) getBalance(ctx context.Context, c *call, in *TalentPath) (*balanceOutput, error) {
	if err := c.ownTalent(in.Talent); err != nil {
		return nil, err
	}
	b, err := s.ports.Reports.Balances(ctx, in.Talent)
	if err != nil {
		return nil, err
	}
	return &balanceOutput{Balance{
		TalentID: b.Talent, Available: int64(b.Available), PaidThisMonth: int64(b.PaidThisMonth),
		PendingRelease: int64(b.PendingRelease), Currency: string(b.Currency), AsOf: b.AsOf.UTC(),
	}}, nil
}

// Wallet is where a talent's payouts go, as it is shown.
type Wallet struct {
	TalentID string         `json:"talent_id" example:"tl_77"`
	Operator phone.Operator `json:"operator" example:"wave"`
	Phone    string         `json:"phone" doc:"Masked." example:"+225 07****56"`
	Name     string         `json:"name" example:"Awa Koné"`
}

type walletInput struct {
	TalentPath
	Body struct {
		Operator string `json:"operator" enum:"orange,mtn,wave,moov" example:"wave"`
		Phone    string `json:"phone" maxLength:"32" doc:"Of Côte d'Ivoire, ten digits, national or +225." example:"0700000056"`
		Name     string `json:"name" maxLength:"100" pattern:"^\\S(.*\\S)?$" doc:"As the operator knows its holder." example:"Awa Koné"`
	}
}

type walletOutput struct{ Body Wallet }

// putWallet says where a talent is paid. Saying the same again changes nothing,
// so it needs no idempotency key. Payouts that waited for a wallet go on.
func (s *Server) putWallet(ctx context.Context, c *call, in *walletInput) (*walletOutput, error) {
	if err := c.ownTalent(in.Talent); err != nil {
		return nil, err
	}
	holder, wrong := s.numberOf(c, engine.Disburse, in.Body.Operator, in.Body.Phone)
	if len(wrong) > 0 {
		return nil, wrong
	}
	w, _, err := s.ports.Wallets.SetWallet(ctx, in.Talent, engine.Wallet{
		Operator: holder.Operator, Phone: holder.Phone, Name: in.Body.Name,
	})
	if err != nil {
		return nil, err
	}
	return &walletOutput{Wallet{TalentID: in.Talent, Operator: w.Operator, Phone: w.Phone.String(), Name: w.Name}}, nil
}

// ownTalent refuses a talent who names another: for them there is none (S-07).
func (c *call) ownTalent(talent string) error {
	if c.principal.Role == engine.RoleTalent && c.principal.Subject != talent {
		return engine.Errorf(engine.NotFound, engine.CodeTalentUnknown, "there is no such talent")
	}
	return nil
}
