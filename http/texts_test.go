package http

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

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
	} {
		for _, attempt := range engine.Statuses()["attempt"] {
			for _, next := range []engine.NextAction{engine.NextNone, engine.NextOTP, engine.NextApprove, engine.NextRedirect} {
				for _, code := range []engine.Code{"", engine.CodeOTPInvalid, engine.CodeInsufficientFunds, "code_of_a_later_version"} {
					payment := engine.Transaction{Status: status, Code: code, Attempts: []engine.Attempt{{
						No: 1, Status: engine.AttemptStatus(attempt), NextAction: next, Code: code,
					}}}
					for _, l := range []language{french, english} {
						require.NotEmpty(t, displayText(l, payment), "%s %s %s %s", status, attempt, next, code)
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
	require.Equal(t, "Tapez *144#", displayText(english, payment))
	payment.Review = engine.ReviewAmount
	require.Equal(t, textReview.fr, displayText(french, payment))
}

func TestListsReadAsSentences(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Moov Money n’est pas disponible pour le moment. Vous pouvez utiliser Wave.",
		operatorUnavailable(french, phone.Moov, []phone.Operator{phone.Wave}))
	require.Equal(t, texts[engine.CodeOperatorUnavailable].en, operatorUnavailable(english, phone.Moov, nil))
}
