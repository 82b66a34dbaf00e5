package main

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// known are the environment variables the program reads.
func known(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{"CAURI_SANDBOX_SECRET_KEY": true} // the sandbox's own
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Settings]()) {
		if field.Anonymous || field.Tag.Get("kong") == "-" { // its fields are among them; it is no setting
			continue
		}
		name, set := field.Tag.Lookup("env")
		require.True(t, set, "%s has no environment variable: every setting is a flag and one", field.Name)
		require.NotEmpty(t, field.Tag.Get("help"), field.Name)
		names[name] = true
	}
	return names
}

// The names that staging scripts and these files use are a contract.
func TestComposeAndDockerfileSetWhatTheProgramReads(t *testing.T) {
	t.Parallel()
	names := known(t)
	text, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	var compose struct {
		Services map[string]struct {
			Image       string
			Command     []string
			Environment map[string]string
			Healthcheck struct{ Test []string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &compose))
	engine := compose.Services["cauri"]
	require.Equal(t, []string{"serve"}, engine.Command)
	require.Contains(t, strings.Join(engine.Healthcheck.Test, " "), "doctor --ready")
	for name := range engine.Environment {
		require.True(t, names[name], "docker-compose.yml sets %s, which nothing reads", name)
	}
	for _, name := range []string{
		"DATABASE_URL", "CAURI_HTTP_ADDR", "CAURI_ADMIN_ADDR", "PAYSTACK_SECRET_KEY", "PAYSTACK_BASE_URL", "CAURI_API_KEY", "CAURI_ENV",
	} {
		require.Contains(t, engine.Environment, name)
	}
	require.Contains(t, compose.Services["postgres"].Image, "postgres:17")

	dockerfile, err := os.ReadFile("../../Dockerfile")
	require.NoError(t, err)
	setting := regexp.MustCompile(`\b((?:CAURI|PAYSTACK|FEDAPAY)_[A-Z_]+|DATABASE_URL)=`)
	for _, found := range setting.FindAllStringSubmatch(string(dockerfile), -1) {
		require.True(t, names[found[1]], "the Dockerfile sets %s, which nothing reads", found[1])
	}
}

func TestEverySettingInTheReadmeExists(t *testing.T) {
	t.Parallel()
	names := known(t)
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(readme), "## Settings")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	mentioned := regexp.MustCompile("`([A-Z][A-Z_]+[A-Z])`").FindAllStringSubmatch(table, -1)
	require.NotEmpty(t, mentioned)
	for _, m := range mentioned {
		if m[1] == "INFO" {
			continue // a value
		}
		require.True(t, names[m[1]], "the README promises %s, which nothing reads", m[1])
	}
}
