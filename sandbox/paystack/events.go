package paystack

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// The events this sandbox sends. There is none for a charge that failed, timed
// out or was abandoned, nor for a transfer abandoned, rejected or blocked:
// those are found by asking (Paystack docs, Webhooks).
const (
	chargeSuccess    = "charge.success"
	transferSuccess  = "transfer.success"
	transferFailed   = "transfer.failed"
	transferReversed = "transfer.reversed"
	refundEvent      = "refund." // and the refund's status
)

var events = []string{
	chargeSuccess, transferSuccess, transferFailed, transferReversed, refundEvent + pending, refundEvent + processing,
	refundEvent + processed, refundEvent + failed, refundEvent + needsAttention,
}

// chargeEventData is charge.success of mobile money.
type chargeEventData struct {
	ID              uint64          `json:"id"`
	Domain          string          `json:"domain"`
	Status          string          `json:"status"`
	Reference       string          `json:"reference"`
	Amount          int64           `json:"amount"`
	Message         text            `json:"message"`
	Gateway         string          `json:"gateway_response"`
	PaidAt          stamp           `json:"paid_at"`
	CreatedAt       stamp           `json:"created_at"`
	Channel         string          `json:"channel"`
	Currency        string          `json:"currency"`
	IP              string          `json:"ip_address"`
	Metadata        json.RawMessage `json:"metadata"`
	Log             any             `json:"log"`
	Fees            int64           `json:"fees"`
	FeesSplit       any             `json:"fees_split"`
	Authorization   authorization   `json:"authorization"`
	Customer        customer        `json:"customer"`
	Plan            empty           `json:"plan"`
	Subaccount      empty           `json:"subaccount"`
	SubaccountGroup empty           `json:"subaccount_group"`
	PaidAtTwin      stamp           `json:"paidAt"`
}

// cardEventData is charge.success of a card, in its own older shape.
type cardEventData struct {
	ID            uint64            `json:"id"`
	Domain        string            `json:"domain"`
	Status        string            `json:"status"`
	Reference     string            `json:"reference"`
	Amount        int64             `json:"amount"`
	Message       text              `json:"message"`
	Gateway       string            `json:"gateway_response"`
	PaidAt        stamp             `json:"paid_at"`
	CreatedAt     stamp             `json:"created_at"`
	Channel       string            `json:"channel"`
	Currency      string            `json:"currency"`
	IP            string            `json:"ip_address"`
	Metadata      json.RawMessage   `json:"metadata"`
	Log           cardEventLog      `json:"log"`
	Fees          int64             `json:"fees"`
	Customer      customer          `json:"customer"`
	Authorization cardAuthorization `json:"authorization"`
	Plan          empty             `json:"plan"`
}

type cardEventLog struct {
	Spent          int64      `json:"time_spent"`
	Attempts       int        `json:"attempts"`
	Authentication string     `json:"authentication"`
	Errors         int        `json:"errors"`
	Success        bool       `json:"success"`
	Mobile         bool       `json:"mobile"`
	Input          []struct{} `json:"input"`
	Channel        any        `json:"channel"`
	History        []logLine  `json:"history"`
}

type cardAuthorization struct {
	Code        string `json:"authorization_code"`
	Bin         string `json:"bin"`
	Last4       string `json:"last4"`
	ExpMonth    string `json:"exp_month"`
	ExpYear     string `json:"exp_year"`
	CardType    string `json:"card_type"`
	Bank        string `json:"bank"`
	Country     string `json:"country_code"`
	Brand       string `json:"brand"`
	AccountName text   `json:"account_name"`
}

func (s *Server) chargeEvent(row *charge) any {
	a := s.authorizationOf(row)
	if row.Channel == channelCard {
		log, _ := logOf(row).(cardLog)
		return cardEventData{
			ID: row.ID, Domain: row.Domain, Status: row.Status, Reference: row.Reference, Amount: row.Amount,
			Message: text(row.Message), Gateway: row.Gateway, PaidAt: stamp(row.PaidAt), CreatedAt: stamp(row.CreatedAt),
			Channel: row.Channel, Currency: currency, IP: row.IP, Metadata: row.Metadata, Fees: row.Fees,
			Log: cardEventLog{
				Spent: log.Spent, Attempts: log.Attempts, Authentication: "pin", Success: true,
				Input: log.Input, History: log.History,
			},
			Customer: s.customerOf(row.Email),
			Authorization: cardAuthorization{
				Code: a.Code, Bin: a.Bin, Last4: a.Last4, ExpMonth: a.ExpMonth, ExpYear: a.ExpYear,
				CardType: a.CardType, Bank: a.Bank, Country: a.Country, Brand: a.Brand,
			},
		}
	}
	return chargeEventData{
		ID: row.ID, Domain: row.Domain, Status: row.Status, Reference: row.Reference, Amount: row.Amount,
		Message: text(row.Message), Gateway: row.Gateway, PaidAt: stamp(row.PaidAt), CreatedAt: stamp(row.CreatedAt),
		Channel: row.Channel, Currency: currency, IP: row.IP, Metadata: row.Metadata, Fees: row.Fees,
		Authorization: a, Customer: s.customerOf(row.Email), PaidAtTwin: stamp(row.PaidAt),
	}
}

// merchant is the integration in transfer events: an object there, a number in
// answers.
type merchant struct {
	ID   int    `json:"id"`
	Live bool   `json:"is_live"`
	Name string `json:"business_name"`
}

type merchantWithLogo struct {
	merchant
	Logo string `json:"logo_path"`
}

var theMerchant = merchant{ID: integrationID, Live: true, Name: "Sandbox Merchant"}

// succeededTransfer is transfer.success: spellings as in answers.
type succeededTransfer struct {
	transferCore
	Created       stamp            `json:"createdAt"`
	Updated       stamp            `json:"updatedAt"`
	Failures      any              `json:"failures"`
	Integration   merchantWithLogo `json:"integration"`
	SourceDetails any              `json:"source_details"`
	Titan         any              `json:"titan_code"`
	Transferred   any              `json:"transferred_at"`
	Recipient     eventPayee       `json:"recipient"`
	Session       session          `json:"session"`
	Fee           int64            `json:"fee_charged"`
	Gateway       any              `json:"gateway_response"`
}

type eventPayee struct {
	payeeCore
	Created stamp `json:"createdAt"`
	Updated stamp `json:"updatedAt"`
}

func succeededTransferEvent(row *transfer, to *recipient) succeededTransfer {
	return succeededTransfer{
		transferCore: transferCoreOf(row), Created: stamp(row.CreatedAt), Updated: stamp(row.UpdatedAt),
		Integration: merchantWithLogo{merchant: theMerchant, Logo: "https://merchant.example/logo.png"}, Fee: row.Fee,
		Recipient: eventPayee{payeeCore: payeeCoreOf(to), Created: stamp(to.CreatedAt), Updated: stamp(to.CreatedAt)},
	}
}

// turnedTransfer is transfer.failed and transfer.reversed: created_at instead
// of createdAt, and no fee.
type turnedTransfer struct {
	transferCore
	Failures      any         `json:"failures"`
	Integration   merchant    `json:"integration"`
	SourceDetails any         `json:"source_details"`
	Titan         any         `json:"titan_code"`
	Transferred   stamp       `json:"transferred_at"`
	Recipient     turnedPayee `json:"recipient"`
	Session       session     `json:"session"`
	Created       stamp       `json:"created_at"`
	Updated       stamp       `json:"updated_at"`
}

type turnedPayee struct {
	payeeCore
	Created stamp `json:"created_at"`
	Updated stamp `json:"updated_at"`
}

func turnedTransferEvent(row *transfer, to *recipient) turnedTransfer {
	return turnedTransfer{
		transferCore: transferCoreOf(row), Integration: theMerchant, Transferred: stamp(row.SentAt),
		Recipient: turnedPayee{payeeCore: payeeCoreOf(to), Created: stamp(to.CreatedAt), Updated: stamp(to.CreatedAt)},
		Created:   stamp(row.CreatedAt), Updated: stamp(row.UpdatedAt),
	}
}

// refundEventCore is what all refund events have. There is no refund id in it,
// and amount is a string or a number, as the samples have it.
type refundEventCore struct {
	Status      string      `json:"status"`
	Transaction string      `json:"transaction_reference"`
	Reference   text        `json:"refund_reference"`
	Amount      any         `json:"amount"`
	Currency    string      `json:"currency"`
	Customer    refundPayer `json:"customer"`
	Integration int         `json:"integration"`
	Domain      string      `json:"domain"`
}

type refundPayer struct {
	First text   `json:"first_name"`
	Last  text   `json:"last_name"`
	Email string `json:"email"`
}

type refundEventData struct {
	refundEventCore
	Processor string `json:"processor"`
}

// attentionEventData is refund.needs-attention: the one with an id, as a string.
type attentionEventData struct {
	refundEventCore
	ID           string `json:"id"`
	CustomerNote string `json:"customer_note"`
	MerchantNote string `json:"merchant_note"`
}

// notifyRefund announces a refund's status, in that status's own shape.
func (c *change) notifyRefund(of *charge, row *refund) {
	core := refundEventCore{
		Status: row.Status, Transaction: row.Reference, Amount: strconv.FormatInt(row.Amount, 10), Currency: currency,
		Customer: refundPayer{Email: of.Email}, Integration: integrationID, Domain: row.Domain,
	}
	var data any
	switch row.Status {
	case needsAttention:
		core.Amount, core.Reference = row.Amount, text("TRF_"+c.code("refund", row.ID))
		data = attentionEventData{core, strconv.FormatUint(row.ID, 10), row.CustomerNote, row.MerchantNote}
	case failed:
		core.Amount, core.Reference = row.Amount, text("TRF_"+c.code("refund", row.ID))
		data = refundEventData{core, "instant-transfer"}
	case processed:
		core.Reference = text(fmt.Sprintf("%012d", row.ID))
		data = refundEventData{core, "instant-transfer"}
	default:
		data = refundEventData{core, "instant-transfer"}
	}
	c.notify(row.Domain, refundEvent+row.Status, row.Reference, of.Outcome, data)
}
