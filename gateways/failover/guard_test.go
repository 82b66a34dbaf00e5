package failover_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/gateways/failover"
)

func TestEveryPortStandsBehindTheBreakerOfItsClass(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		class failover.Class
		call  func(*failover.Breakers, *gateway) error
	}{
		"charge": {failover.Collect, func(bs *failover.Breakers, g *gateway) error {
			_, err := failover.GuardCollector(bs, engine.Paystack, g).Charge(t.Context(), engine.ChargeCall{})
			return err
		}},
		"code": {failover.Collect, func(bs *failover.Breakers, g *gateway) error {
			_, err := failover.GuardOTPSubmitter(bs, engine.Paystack, g).SubmitOTP(t.Context(), engine.OTPCall{})
			return err
		}},
		"payout": {failover.Payout, func(bs *failover.Breakers, g *gateway) error {
			_, err := failover.GuardDisburser(bs, engine.Paystack, g).Payout(t.Context(), engine.PayoutCall{})
			return err
		}},
		"refund": {failover.Refund, func(bs *failover.Breakers, g *gateway) error {
			_, err := failover.GuardRefunder(bs, engine.Paystack, g).Refund(t.Context(), engine.RefundCall{})
			return err
		}},
		"charge's inquiry": {failover.Verify, func(bs *failover.Breakers, g *gateway) error {
			_, err := failover.GuardChargeInquirer(bs, engine.Paystack, g).InquireCharge(t.Context(), engine.InquireCall{})
			return err
		}},
		"payout's inquiry": {failover.Verify, func(bs *failover.Breakers, g *gateway) error {
			_, err := failover.GuardPayoutInquirer(bs, engine.Paystack, g).InquirePayout(t.Context(), engine.InquireCall{})
			return err
		}},
		"refund's inquiry": {failover.Verify, func(bs *failover.Breakers, g *gateway) error {
			_, err := failover.GuardRefundInquirer(bs, engine.Paystack, g).InquireRefund(t.Context(), engine.InquireCall{})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bs, g := failover.NewBreakers(failover.Config{}), &gateway{answer: always(infra)}
			for range 5 {
				require.ErrorIs(t, c.call(bs, g), infra)
			}
			require.ErrorIs(t, c.call(bs, g), engine.Unavailable)
			require.Equal(t, 5, g.calls)
			for _, s := range bs.Snapshot() {
				require.Equal(t, c.class, s.Class, "no other breaker was asked for")
				require.Equal(t, failover.Open, s.State)
			}
		})
	}
}

// ports are the engine's, of which nothing here may have two gateways'.
var ports = map[string]bool{
	"Collector": true, "OTPSubmitter": true, "Disburser": true, "Refunder": true,
	"ChargeInquirer": true, "PayoutInquirer": true, "RefundInquirer": true,
}

// portsIn counts the ports a list of parameters or fields holds, and complains of
// one that is in a slice, a map, a function or anything else that could hold two.
func portsIn(list *ast.FieldList) (n int, hidden []string) {
	if list == nil {
		return 0, nil
	}
	for _, field := range list.List {
		if named := portOf(field.Type); named != "" {
			n += max(1, len(field.Names))
			continue
		}
		ast.Inspect(field.Type, func(node ast.Node) bool {
			if e, is := node.(ast.Expr); is && portOf(e) != "" {
				hidden = append(hidden, portOf(e))
			}
			return true
		})
	}
	return n, hidden
}

func portOf(e ast.Expr) string {
	selector, is := e.(*ast.SelectorExpr)
	if !is || !ports[selector.Sel.Name] || fmt.Sprint(selector.X) != "engine" {
		return ""
	}
	return selector.Sel.Name
}

// twoGateways lists what in a source could hold the ports of two gateways.
func twoGateways(t *testing.T, name, source string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	var found []string
	look := func(what string, list *ast.FieldList) {
		n, hidden := portsIn(list)
		if n > 1 || len(hidden) > 0 {
			found = append(found, fmt.Sprintf("%s: %s has %d ports and %v", name, what, n, hidden))
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncType:
			look("a function", node.Params)
		case *ast.StructType:
			look("a struct", node.Fields)
		case *ast.InterfaceType:
			look("an interface", node.Methods)
		}
		return true
	})
	return found
}

func TestNothingHereHoldsTwoGateways(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(os.DirFS("."), "*.go")
	require.NoError(t, err)
	guards := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Empty(t, twoGateways(t, name, string(source)), "payouts, codes and refunds never move to another gateway: a type, not a check")
		guards += strings.Count(string(source), "\nfunc Guard")
	}
	require.Equal(t, len(ports), guards, "a guard for each port")
}

func TestWhatHoldsTwoGatewaysWouldBeFound(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"func Guard(first, second engine.Disburser) {}",
		"func Guard(first engine.OTPSubmitter, second engine.OTPSubmitter) {}",
		"func Guard(all ...engine.Refunder) {}",
		"func Guard(all map[engine.Gateway]engine.Disburser) {}",
		"type both struct { first, second engine.Disburser }",
		"type all struct { of []engine.Collector }",
		"type both interface { engine.Collector; engine.Disburser }",
		"var guard = func(next func() engine.Disburser) {}",
	} {
		require.NotEmpty(t, twoGateways(t, "bad.go", "package failover\n"+bad), bad)
	}
	require.Empty(t, twoGateways(t, "good.go", "package failover\ntype one struct { b *Breaker; next engine.Disburser }"))
}

func TestAGuardAddsNoMethodItsPortHasNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gateway{answer: always(nil)}
		guarded := failover.GuardCollector(failover.NewBreakers(failover.Config{}), engine.FedaPay, g)
		_, submits := guarded.(engine.OTPSubmitter)
		require.False(t, submits, "what a gateway can't do has no method")
	})
}
