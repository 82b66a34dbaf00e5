package main

import (
	"encoding"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/bookmi/cauri/internal/secret"
)

type configCommand struct {
	Print configPrint `cmd:"" help:"Every setting, its value and where it comes from; secrets are masked."`
}

type configPrint struct {
	All  bool `help:"Those nobody has set, too." default:"true" negatable:""`
	JSON bool `help:"For machines."`
}

// Origin is where a setting's value comes from.
type Origin string

// The origins, the first that applies.
const (
	FromFlag        Origin = "flag"
	FromEnvironment Origin = "environment"
	FromFile        Origin = "file"        // CAURI_SECRETS_FILE
	FromDevelopment Origin = "development" // assumed, because this is a developer's engine
	FromDefault     Origin = "default"
)

// inFile is by which purpose of the secrets file a setting is replaced.
var inFile = map[string]string{
	"PAYSTACK_SECRET_KEY": purposePaystack, "PAYSTACK_PREVIOUS_SECRET_KEYS": purposePaystack, "FEDAPAY_SECRET_KEY": purposeFedaPay,
	"FEDAPAY_WEBHOOK_SECRETS": purposeFedaPayWebhooks, "CAURI_KEY_PEPPERS": purposePeppers, "CAURI_TOKEN_KEYS": purposeTokens,
}

// Set is a setting as it is printed.
type Set struct {
	Name   string `json:"name"` // of the environment variable
	Flag   string `json:"flag"`
	Value  string `json:"value"`
	Origin Origin `json:"origin"`
}

// configShown is what the command answers for machines.
type configShown struct {
	Settings []Set    `json:"settings"`
	Faults   []string `json:"faults"`
}

// Run prints the settings as an engine would use them, and what is wrong with them. It
// exits 78 when an engine would not start.
func (c configPrint) Run(settings *Settings, to streams) error {
	used := *settings // complete fills in what development assumes
	err := used.complete()
	shown := configShown{Settings: []Set{}, Faults: []string{}}
	given, completed := reflect.ValueOf(*settings), reflect.ValueOf(used)
	environment := variables()
	for _, field := range reflect.VisibleFields(given.Type()) {
		name, flag := field.Tag.Get("env"), field.Tag.Get("name")
		if name == "" {
			continue
		}
		value := completed.FieldByIndex(field.Index).Interface()
		set := Set{Name: name, Flag: "--" + flag, Value: printed(name, value), Origin: FromDefault}
		switch {
		case len(used.Lists[inFile[name]]) > 0:
			set.Origin = FromFile
		case slices.Contains(settings.Typed, flag):
			set.Origin = FromFlag
		case environment[name] != "":
			set.Origin = FromEnvironment
		case printed(name, given.FieldByIndex(field.Index).Interface()) != set.Value:
			set.Origin = FromDevelopment
		}
		if c.All || set.Origin != FromDefault {
			shown.Settings = append(shown.Settings, set)
		}
	}
	if faults, wrong := err.(Misconfigured); wrong { //nolint:errorlint // complete's own, not wrapped
		shown.Faults = append(shown.Faults, faults...)
	}
	if c.JSON {
		if e := to.printJSON(shown); e != nil {
			return e
		}
		return err
	}
	table := to.columns("SETTING", "FROM", "VALUE")
	for _, s := range shown.Settings {
		table.line(s.Name, string(s.Origin), s.Value)
	}
	table.end()
	return err
}

// printed is a value as people may read it: no secret, no password in an address.
func printed(name string, value any) string {
	switch v := value.(type) {
	case secret.Secret:
		return v.String()
	case []secret.Secret:
		return strings.Join(slices.Repeat([]string{secret.Stars}, len(v)), ",")
	case []secret.Named:
		out := make([]string, 0, len(v))
		for _, n := range v {
			out = append(out, n.ID+":"+secret.Stars)
		}
		return strings.Join(out, ",")
	case []string:
		return strings.Join(v, ",")
	case string:
		if strings.HasSuffix(name, "_URL") || strings.Contains(v, "://") {
			return masked(v, name == "DATABASE_URL")
		}
		return v
	case encoding.TextMarshaler:
		if text, err := v.MarshalText(); err == nil {
			return string(text)
		}
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.Map && v.Len() == 0 {
		return ""
	}
	return strings.TrimPrefix(fmt.Sprint(value), "map")
}

// masked is an address without what is secret in it; who signs in is shown of a database
// alone, elsewhere it is a token as often as a name. What is no address, such as libpq's
// key=value, is shown as stars: where its password ends is not ours to guess.
func masked(address string, database bool) string {
	if address == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return secret.Stars
	}
	query := u.Query()
	for name := range query {
		if strings.Contains(strings.ToLower(name), "password") {
			query.Set(name, secret.Stars)
		}
	}
	u.RawQuery = query.Encode()
	switch _, has := u.User.Password(); {
	case u.User != nil && !database:
		u.User = url.User(secret.Stars)
	case has:
		u.User = url.UserPassword(u.User.Username(), secret.Stars)
	}
	return strings.ReplaceAll(u.String(), url.QueryEscape(secret.Stars), secret.Stars)
}
