package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/bookmi/cauri/internal/secret"
)

// secretsBytesMax: five lists of eight keys of under a kilobyte, and room.
const secretsBytesMax = 64 << 10

// Who else may do what with the file.
const (
	othersWrite    fs.FileMode = 0o022
	everybodyReads fs.FileMode = 0o004
)

// readLimited reads a file that nobody else may write and that is not too large.
func readLimited(name string) ([]byte, fs.FileMode, error) {
	// Opening a pipe would wait for whoever writes it. What is opened is what is looked at:
	// the name may lead elsewhere by then.
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the operator's own choice
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, 0, err
	case !info.Mode().IsRegular():
		return nil, 0, errors.New("it is no file")
	}
	mode := info.Mode().Perm()
	if mode&othersWrite != 0 {
		return nil, mode, fmt.Errorf("others than its owner may write it (%s): chmod go-w", mode)
	}
	text, err := io.ReadAll(io.LimitReader(file, secretsBytesMax+1))
	if len(text) > secretsBytesMax {
		return nil, mode, fmt.Errorf("it has more than %d bytes", secretsBytesMax)
	}
	return text, mode, err
}

// What is wrong with a file's text. Nothing that stands there is quoted: a secret may
// have slipped into a name.
var (
	errHalf  = errors.New("it is no JSON object, or half of one")
	errTwice = errors.New("a name stands there twice in one object")
	errEntry = errors.New(`is not a list of {"id", "value", "not_before", "not_after"}, times as 2026-01-31T12:00:00Z`)
)

// parseSecrets reads the lists, each purpose once and nothing besides. encoding/json
// alone would take the last of two, any capitals, and bytes that are no text.
func parseSecrets(text []byte) (map[string][]secret.Named, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errHalf
	}
	lists := map[string][]secret.Named{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	err := members(decoder, func(purpose string) error {
		if !slices.Contains(purposes, purpose) {
			return fmt.Errorf("its purpose number %d is none of %s", len(lists)+1, strings.Join(purposes, ", "))
		}
		list, err := parseList(decoder)
		if err != nil {
			return fmt.Errorf("%s: %w", purpose, err)
		}
		lists[purpose] = list
		return nil
	})
	return lists, err
}

func parseList(decoder *json.Decoder) ([]secret.Named, error) {
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('[') {
		return nil, errEntry
	}
	list := []secret.Named{}
	for decoder.More() {
		var n secret.Named
		fields := map[string]any{"id": &n.ID, "value": &n.Value, "not_before": &n.NotBefore, "not_after": &n.NotAfter}
		err := members(decoder, func(name string) error {
			if field, known := fields[name]; !known || decoder.Decode(field) != nil {
				return errEntry
			}
			return nil
		})
		if errors.Is(err, errHalf) { // an entry that is none
			err = errEntry
		}
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	_, err := decoder.Token()
	return list, err
}

// members reads an object, each name once; take reads what a name stands for.
func members(decoder *json.Decoder, take func(name string) error) error {
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return errHalf
	}
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		name, is := token.(string)
		switch {
		case err != nil || !is:
			return errHalf
		case seen[name]:
			return errTwice
		}
		seen[name] = true
		if err := take(name); err != nil {
			return err
		}
	}
	_, err := decoder.Token()
	return err
}
