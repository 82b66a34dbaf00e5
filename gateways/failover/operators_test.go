package failover_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
	"github.com/bookmi/cauri/gateways/failover"
)

// listening hears of Orange behind both gateways and of Moov behind one.
func listening() *failover.Operators {
	return failover.NewOperators(failover.OperatorsConfig{Serves: map[phone.Operator][]engine.Gateway{
		phone.Orange: {engine.Paystack, engine.FedaPay},
		phone.Moov:   {engine.FedaPay},
		phone.Wave:   nil,
	}})
}

func fails(o *failover.Operators, n int, g engine.Gateway, operator phone.Operator) {
	for range n {
		o.Heard(g, operator, true)
	}
}

func TestAnOperatorIsDownWhenItFailsThroughEveryDoor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := listening()
		fails(o, 5, engine.Paystack, phone.Orange)
		require.False(t, o.Down(phone.Orange), "the other door was never heard of: it may work")
		fails(o, 4, engine.FedaPay, phone.Orange)
		require.False(t, o.Down(phone.Orange))
		fails(o, 1, engine.FedaPay, phone.Orange)
		require.True(t, o.Down(phone.Orange))
		require.False(t, o.Down(phone.Moov), "a gateway's operators are apart")

		fails(o, 5, engine.FedaPay, phone.Moov)
		require.Equal(t, []phone.Operator{phone.Orange, phone.Moov}, o.AllDown())
	})
}

func TestADeclinedPayerShowsThatTheOperatorWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := listening()
		for range 100 {
			fails(o, 4, engine.FedaPay, phone.Moov)
			o.Heard(engine.FedaPay, phone.Moov, false)
		}
		require.False(t, o.Down(phone.Moov))
	})
}

func TestFailuresFarApartAreNoRow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := listening()
		for range 20 {
			fails(o, 1, engine.FedaPay, phone.Moov)
			pass(90 * time.Second)
			require.False(t, o.Down(phone.Moov))
		}
	})
}

func TestABadOperatorIsTriedAgainAfterAMinuteAndTheNextOutcomeDecides(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := listening()
		fails(o, 5, engine.FedaPay, phone.Moov)
		o.Heard(engine.FedaPay, phone.Moov, false) // began before, and proves nothing about now
		require.True(t, o.Down(phone.Moov))
		pass(60*time.Second + 1)
		require.False(t, o.Down(phone.Moov), "somebody has to try")
		fails(o, 1, engine.FedaPay, phone.Moov)
		require.True(t, o.Down(phone.Moov))
		pass(60*time.Second + 1)
		o.Heard(engine.FedaPay, phone.Moov, false)
		fails(o, 4, engine.FedaPay, phone.Moov)
		require.False(t, o.Down(phone.Moov), "one good outcome and it needs five again")
	})
}

func TestWhatNobodyServesIsNeitherRememberedNorDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := listening()
		fails(o, 100, engine.Paystack, phone.Moov)
		fails(o, 100, engine.Paystack, phone.MTN)
		fails(o, 100, engine.Paystack, phone.Wave)
		require.Empty(t, o.AllDown())
		require.Equal(t, []phone.Operator{phone.Orange, phone.Moov}, o.Served())
		require.Equal(t, 60*time.Second, o.BadFor())
	})
}
