package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/bookmi/cauri/internal/secret"
	"github.com/bookmi/cauri/internal/vault"
)

// DataSettings are the keys of what is personal in the database: phones, and the bodies
// of webhooks.
type DataSettings struct {
	DataKeys  []secret.Named `name:"data-keys" env:"CAURI_DATA_KEYS" placeholder:"ID:KEY,…" help:"What phones and webhooks are sealed with in the database: base64 of 32 random bytes each. The last one seals, all of them open; lost, what it sealed is lost."`
	IndexKeys []secret.Named `name:"index-keys" env:"CAURI_INDEX_KEYS" placeholder:"ID:KEY,…" help:"What phones are found by: base64 of 32 random bytes each, none of them a data key. The last one makes new indexes, all of them find."`
}

// makeOne is where a data or index key comes from.
const makeOne = "write k1: and what openssl rand -base64 32 makes"

// assumeData is what a developer need not set.
func (s *Settings) assumeData() {
	data, index := vault.DevelopmentKeys()
	if len(s.DataKeys) == 0 {
		s.DataKeys = vault.SpellKeys(data)
	}
	if len(s.IndexKeys) == 0 {
		s.IndexKeys = vault.SpellKeys(index)
	}
}

// vault is made of the lists. A developer who has none gets keys that everybody knows.
func (s *Settings) vault() (*vault.Vault, error) {
	data, index := vault.DevelopmentKeys()
	for _, list := range []struct {
		setting []secret.Named
		keys    *[]secret.Named
	}{{s.DataKeys, &data}, {s.IndexKeys, &index}} {
		if len(list.setting) == 0 && s.Env == Development {
			continue
		}
		read, err := vault.ReadKeys(list.setting)
		if err != nil {
			return nil, err
		}
		slices.Reverse(read) // what is written last is the newest, as in every list of ours
		*list.keys = read
	}
	return vault.New(data, index)
}

// requireData refuses keys that could not be worked with, and in production those that
// everybody knows.
func (s *Settings) requireData() (faults Misconfigured) {
	readable := true
	for _, list := range []struct {
		name    string
		setting []secret.Named
	}{{"CAURI_DATA_KEYS", s.DataKeys}, {"CAURI_INDEX_KEYS", s.IndexKeys}} {
		if len(list.setting) == 0 {
			if s.Env != Development {
				faults = append(faults, list.name+" is missing: "+makeOne)
				readable = false
			}
			continue
		}
		keys, err := vault.ReadKeys(list.setting)
		if err != nil {
			faults = append(faults, fmt.Sprintf("%s: %v", list.name, err))
			readable = false
		}
		data, index := vault.DevelopmentKeys()
		for _, known := range slices.Concat(data, index) {
			same := func(k secret.Named) bool { return k.Value.Reveal() == known.Value.Reveal() }
			if s.Env == Production && slices.ContainsFunc(keys, same) {
				faults = append(faults, list.name+" holds the developers' key: "+makeOne)
			}
		}
		for _, k := range keys {
			if s.Env == Production && sameBytes(k.Value.Reveal()) {
				faults = append(faults, list.name+": "+k.ID+" is guessable: "+makeOne)
			}
		}
	}
	if _, err := s.vault(); readable && err != nil {
		faults = append(faults, fmt.Sprintf("CAURI_DATA_KEYS, CAURI_INDEX_KEYS: %v", err))
	}
	return faults
}

// sameBytes tells a made-up key from a random one: 32 random bytes have fewer than 16
// different ones less than once in 10^15.
func sameBytes(raw string) bool {
	const bytesMin = 16
	different := map[byte]bool{}
	for _, b := range []byte(raw) {
		different[b] = true
	}
	return len(different) < bytesMin
}

// quotaKey is what phones are hashed with before they are counted: a secret that all
// nodes have, made of the newest index key, so that there is one less to keep. A new key
// begins to count anew.
func (s *Settings) quotaKey() secret.Secret {
	_, index := vault.DevelopmentKeys()
	if read, err := vault.ReadKeys(s.IndexKeys); err == nil {
		index = read
	}
	mac := hmac.New(sha256.New, []byte(index[len(index)-1].Value.Reveal()))
	mac.Write([]byte("cauri: quotas"))
	return secret.New(hex.EncodeToString(mac.Sum(nil)))
}
