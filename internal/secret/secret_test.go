package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/internal/secret"
)

const canary = "sk_test_canary"

func TestNoPrinterFindsASecret(t *testing.T) {
	t.Parallel()
	key := secret.New(canary)
	type hidden struct{ key secret.Secret } // fmt calls no methods on an unexported field
	type shown struct{ Key secret.Secret }

	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", key, "in", shown{key}, "behind", &shown{key})
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key, "in", shown{key})
	asJSON, err := json.Marshal(map[string]any{"key": key, "in": shown{key}})
	require.NoError(t, err)
	asXML, err := xml.Marshal(shown{key})
	require.NoError(t, err)
	out := log.String() + string(asJSON) + string(asXML)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, value := range []any{key, &key, hidden{key}, &hidden{key}, shown{key}, []secret.Secret{key}, map[string]secret.Secret{"k": key}} {
			out += fmt.Sprintf(verb, value)
		}
	}
	require.NotContains(t, out, canary)
	require.NotContains(t, out, fmt.Sprintf("%x", canary))
	require.Contains(t, out, secret.Stars)
	require.Equal(t, canary, key.Reveal())
}

func TestAMissingSecretShowsAsMissing(t *testing.T) {
	t.Parallel()
	require.True(t, secret.New("").IsZero())
	require.Empty(t, secret.Secret{}.Reveal())
	require.Empty(t, fmt.Sprint(secret.Secret{}))
}

func TestConfigurationIsReadIntoASecret(t *testing.T) {
	t.Parallel()
	var in struct{ Key secret.Secret }
	require.NoError(t, json.Unmarshal([]byte(`{"Key":"`+canary+`"}`), &in))
	require.Equal(t, canary, in.Key.Reveal())
}
