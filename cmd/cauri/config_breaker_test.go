package main

import (
	"reflect"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/gateways/failover"
	"github.com/bookmi/cauri/internal/secret"
)

func TestABreakerJudgesByDefaultAsItsPackageDoes(t *testing.T) {
	var cli struct{ Settings }
	parser, err := kong.New(&cli, kong.TypeMapper(reflect.TypeFor[secret.Secret](), kong.MapperFunc(decodeSecret)))
	require.NoError(t, err)
	_, err = parser.Parse(nil)
	require.NoError(t, err)
	require.NoError(t, cli.complete())
	require.Equal(t, failover.Config{
		Window: 60 * time.Second, InARow: 5, AtLeast: 20, Percent: 50, Probes: 3, SlowAfter: 8 * time.Second,
		OpenFor: 20 * time.Second, OpenForMax: 300 * time.Second, ReopenWithin: 2 * time.Minute,
	}, cli.breaker())
	judged := cli.operatorsOf(nil)
	judged.Serves = nil
	require.Equal(t, failover.OperatorsConfig{InARow: 5, Within: 5 * time.Minute, BadFor: time.Minute}, judged)
	require.Equal(t, judged.BadFor, failover.NewOperators(failover.OperatorsConfig{}).BadFor())
	require.Equal(t, "ci", cli.FedaPayPhoneCountry)
	require.Empty(t, cli.FedaPayOperatorFailureCodes)
}

func TestABreakerThatCannotJudgeIsRefusedByTheNameOfItsSetting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		least, most int64 // in nanoseconds or pieces; one less and one more are refused, and so is zero
		set         func(*Settings, int64)
	}{
		"CAURI_BREAKER_WINDOW":     {12e9, 3600e9, func(s *Settings, n int64) { s.BreakerWindow = time.Duration(n) }},
		"CAURI_BREAKER_SLOW_AFTER": {1e8, 15e9, func(s *Settings, n int64) { s.BreakerSlowAfter = time.Duration(n) }},
		// Of these two production has 20 s and 300 s, and neither may pass the other.
		"CAURI_BREAKER_OPEN_FOR":         {1e9, 300e9, func(s *Settings, n int64) { s.BreakerOpenFor = time.Duration(n) }},
		"CAURI_BREAKER_OPEN_FOR_MAX":     {20e9, 1800e9, func(s *Settings, n int64) { s.BreakerOpenForMax = time.Duration(n) }},
		"CAURI_BREAKER_REOPEN_WITHIN":    {1e9, 3600e9, func(s *Settings, n int64) { s.BreakerReopenWithin = time.Duration(n) }},
		"CAURI_BREAKER_FAILURES":         {1, 1000, func(s *Settings, n int64) { s.BreakerFailures = uint32(n) }},
		"CAURI_BREAKER_FAILURES_PERCENT": {1, 100, func(s *Settings, n int64) { s.BreakerFailuresPercent = uint32(n) }},
		"CAURI_BREAKER_CALLS_MIN":        {2, 10_000, func(s *Settings, n int64) { s.BreakerCallsMin = uint32(n) }},
		"CAURI_BREAKER_PROBES":           {1, 10, func(s *Settings, n int64) { s.BreakerProbes = uint32(n) }},
		"CAURI_OPERATOR_FAILURES":        {1, 1000, func(s *Settings, n int64) { s.OperatorFailures = uint32(n) }},
		"CAURI_OPERATOR_WINDOW":          {12e9, 3600e9, func(s *Settings, n int64) { s.OperatorWindow = time.Duration(n) }},
		"CAURI_OPERATOR_BAD_FOR":         {1e9, 1800e9, func(s *Settings, n int64) { s.OperatorBadFor = time.Duration(n) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := func(value int64) error {
				s := production()
				c.set(&s, value)
				return s.complete()
			}
			require.NoError(t, with(c.least))
			require.NoError(t, with(c.most))
			for _, wrong := range []int64{0, c.least - 1, c.most + 1} {
				err := with(wrong)
				require.ErrorContains(t, err, name, wrong)
				require.Equal(t, exitMisconfigured, exitCode(err))
			}
		})
	}
}

func TestTheCommandLineNamesABreakersWrongSetting(t *testing.T) {
	code, _, errs := run(t, "gateways", "--breaker-open-for-max=1h", "--breaker-probes=0")
	require.Equal(t, exitMisconfigured, code, errs)
	require.Contains(t, errs, "CAURI_BREAKER_OPEN_FOR_MAX")
	require.Contains(t, errs, "CAURI_BREAKER_PROBES")
}
