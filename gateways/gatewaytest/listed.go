package gatewaytest

import (
	"reflect"
	"strings"
)

// Unlisted names the members that a struct reads and a list of members has not:
// those would be read whichever way they come.
func Unlisted[M ~map[string]M](read any, listed M) []string {
	return unlisted(reflect.TypeOf(read), listed)
}

func unlisted[M ~map[string]M](read reflect.Type, listed M) (missing []string) {
	for i := range read.NumField() {
		field := read.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		inner, is := listed[name]
		if !is {
			missing = append(missing, name)
		} else if field.Type.Kind() == reflect.Struct && inner != nil {
			for _, deeper := range unlisted(field.Type, inner) {
				missing = append(missing, name+"."+deeper)
			}
		}
	}
	return missing
}
