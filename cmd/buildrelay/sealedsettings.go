package main

import (
	"errors"
	"reflect"
	"strings"

	"buildrelay/auth"
	"buildrelay/relay/appsfile"
)

// openSettings puts in the place of each secret among the settings what open makes of it. Those
// that come from files are there by now. The error names each setting that cannot be opened.
func (c *Config) openSettings(open appsfile.Opener) error {
	var errs []error
	values := reflect.ValueOf(c).Elem()
	for _, field := range secretFields() {
		if strings.HasSuffix(field.Tag.Get("env"), ",file") {
			continue
		}
		value := values.FieldByIndex(field.Index)
		opened, err := open(value.String())
		if err != nil {
			errs = append(errs, wrong(field.Tag.Get("env"), err))
			continue
		}
		value.SetString(string(opened))
	}
	return errors.Join(errs...)
}

// secretFields are the fields of Config that hold secrets, among them those of files that do.
func secretFields() (secret []reflect.StructField) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if field.Type == reflect.TypeFor[auth.Secret]() {
			secret = append(secret, field)
		}
	}
	return secret
}

// secretSettings are the names of the settings that are secrets, or name files that hold one.
func secretSettings() (names []string) {
	for _, field := range secretFields() {
		names = append(names, settingOf(field.Name))
	}
	return names
}
