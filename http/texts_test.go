package http

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// codesIn reads every constant of type Code (or engine.Code) out of a source file.
func codesIn(t *testing.T, path string) []engine.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	require.NoError(t, err)
	var out []engine.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || len(spec.Names) != 1 {
			return true
		}
		value, literal := spec.Values[0].(*ast.BasicLit)
		if literal && value.Kind == token.STRING && strings.HasPrefix(strings.ToLower(spec.Names[0].Name), "code") {
			code, err := strconv.Unquote(value.Value)
			require.NoError(t, err)
			out = append(out, engine.Code(code))
		}
		return true
	})
	return out
}

func TestEveryCodeSpeaksFrenchAndEnglish(t *testing.T) {
	t.Parallel()
	codes := append(codesIn(t, "../engine/errors.go"), codesIn(t, "problem.go")...)
	require.Greater(t, len(codes), 60) // else the reading found nothing
	known := map[engine.Code]bool{}
	sentence := regexp.MustCompile(`^\p{Lu}.*[.!]$`)
	for _, code := range codes {
		known[code] = true
		require.Contains(t, texts, code)
		require.Regexp(t, sentence, texts[code].fr, code)
		require.Regexp(t, sentence, texts[code].en, code)
		require.NotEqual(t, texts[code].fr, texts[code].en, code)
		require.NotContains(t, texts[code].fr, "'", "an apostrophe is ’: %s", code)
	}
	for code := range texts {
		require.True(t, known[code], "%s is nobody's code", code)
	}
}

func TestAcceptLanguagePicksTheHeavierOfOurTwo(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]language{
		"": french, "fr": french, "en": english, "en-US,en;q=0.9": english, "fr-CI, en;q=0.8": french,
		"en;q=0.3, fr;q=0.7": french, "de, en;q=0.5": english, "de": french, "*": french,
		"en;q=0": french, "en;q=nonsense": french, "EN": english, "en;q=2": french, ",,;": french,
	} {
		require.Equal(t, want, languageOf(header), header)
	}
}

func TestAPaymentAlwaysHasSomethingToSay(t *testing.T) {
	t.Parallel()
	for _, status := range []engine.ChargeStatus{
		engine.ChargeIsInitiated, engine.ChargeIsProcessing, engine.ChargeIsSucceeded, engine.ChargeIsFailed, engine.ChargeIsExpired,
		engine.ChargeIsCancelled,
	} {
		for _, attempt := range engine.Statuses()["attempt"] {
			for _, next := range []engine.NextAction{engine.NextNone, engine.NextOTP, engine.NextApprove, engine.NextRedirect} {
				for _, code := range []engine.Code{"", engine.CodeOTPInvalid, engine.CodeInsufficientFunds, "code_of_a_later_version"} {
					payment := engine.Transaction{Status: status, Code: code, Attempts: []engine.Attempt{{
						No: 1, Status: engine.AttemptStatus(attempt), NextAction: next, Code: code,
					}}}
					for _, l := range []language{french, english} {
						require.NotEmpty(t, displayText(l, payment, nil), "%s %s %s %s", status, attempt, next, code)
					}
				}
			}
		}
	}
}

func TestTheGatewaysWordsAreVerbatim(t *testing.T) {
	t.Parallel()
	attempt := engine.Attempt{No: 1, Status: engine.AttemptCustomer, NextAction: engine.NextApprove, Text: "Tapez *144#"}
	payment := engine.Transaction{Status: engine.ChargeIsProcessing, Attempts: []engine.Attempt{attempt}}
	require.Equal(t, "Tapez *144#", displayText(english, payment, nil))
	payment.Review = engine.ReviewAmount
	require.Equal(t, textReview.fr, displayText(french, payment, nil))
}

func TestAPayerIsToldWhichPartOfThePathIsShut(t *testing.T) {
	t.Parallel()
	moov := wanted(french, engine.MobileMoney, phone.Moov)
	require.Equal(t, "Moov Money n’est pas disponible pour le moment. Vous pouvez utiliser Wave.",
		turnedAway(french, engine.CodeOperatorUnavailable, moov, []string{"Wave"}))
	require.Equal(t, "Moov Money est en panne en ce moment : cela ne vient pas de votre téléphone. "+
		"Vous pouvez utiliser Wave, MTN MoMo ou une carte bancaire.",
		turnedAway(french, engine.CodeOperatorDown, moov, []string{"Wave", "MTN MoMo", "une carte bancaire"}))
	require.Equal(t, "Card payment can’t be reached at the moment. You have not been charged. Try again in a few minutes.",
		turnedAway(english, engine.CodeGatewaysResting, wanted(english, engine.Card, ""), nil))
	for code := range shut {
		require.NotEqual(t, texts[code], text{}, "%s reads without a name too", code)
	}
}

func TestAPayersMoneyIsSpokenOf(t *testing.T) {
	t.Parallel()
	attempts := []engine.Attempt{{No: 1, Status: engine.AttemptSucceeded, Text: "Tapez *144#"}}
	owed := []engine.Refund{{No: 1, Attempt: 1, Amount: 15000, Status: engine.RefundIsManual}}
	done := []engine.Refund{{No: 1, Attempt: 1, Amount: 15000, Status: engine.RefundIsDone}}
	for _, c := range []struct {
		name string
		says string
		of   engine.Transaction
	}{
		{"too late", textSurplus.fr, engine.Transaction{Status: engine.ChargeIsCancelled, Refunds: owed}},
		{"given back", textGivenBack.fr, engine.Transaction{Status: engine.ChargeIsCancelled, Refunds: done}},
		{"twice", textPaidTwice.fr, engine.Transaction{Status: engine.ChargeIsSucceeded, PaidAt: time.Unix(1, 0), Refunds: owed}},
		{"twice, given back", textPaid.fr, engine.Transaction{Status: engine.ChargeIsSucceeded, PaidAt: time.Unix(1, 0), Refunds: done}},
		{"cancelled", texts[engine.CodePaymentCancelled].fr, engine.Transaction{Status: engine.ChargeIsCancelled}},
		{"to be offered again", textOffering.fr, engine.Transaction{Status: engine.ChargeIsInitiated, Code: engine.CodeGatewaysResting}},
	} {
		c.of.Attempts = attempts
		require.Equal(t, c.says, displayText(french, c.of, nil), c.name)
	}
}

func TestAnAttemptInDoubtSaysNotToPayTwice(t *testing.T) {
	t.Parallel()
	for _, status := range []engine.AttemptStatus{engine.AttemptUnknown, engine.AttemptQuarantine} {
		payment := engine.Transaction{Status: engine.ChargeIsProcessing, Attempts: []engine.Attempt{{No: 1, Status: status, Text: "Tapez *144#"}}}
		require.Equal(t, textVerifying.fr, displayText(french, payment, nil), status)
	}
}
