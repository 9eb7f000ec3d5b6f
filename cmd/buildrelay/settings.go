package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// settingsError names the settings, where the library names the fields.
func settingsError(err error) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return fmt.Errorf("reading the settings: %w", err)
	}
	var errs []error
	for _, err := range all.Errors {
		var failed env.ParseError
		if errors.As(err, &failed) {
			err = fmt.Errorf("%s: %w", settingOf(failed.Name), failed.Err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// settingOf returns the name of the setting that a field of Config holds.
func settingOf(field string) string {
	f, _ := reflect.TypeFor[Config]().FieldByName(field)
	name, _, _ := strings.Cut(f.Tag.Get("env"), ",")
	return prefix + name
}

// unknownSettings returns the variables that look like settings and are none, a
// misspelt name for instance.
func unknownSettings(environ []string) []string {
	known := map[string]bool{"RELAY_API_URL": true} // pipe's own
	params, err := env.GetFieldParamsWithOptions(&Config{}, env.Options{Prefix: prefix})
	if err != nil {
		return nil
	}
	for _, p := range params {
		known[p.Key] = true
	}
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, prefix) && !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// ofOneApp returns the names of the settings which describe one app, and which differ from
// those of another Config.
func (c *Config) ofOneApp(other *Config) (names []string) {
	values, others := reflect.ValueOf(*c), reflect.ValueOf(*other)
	for _, field := range reflect.VisibleFields(values.Type()) {
		name := settingOf(field.Name)
		if !strings.HasPrefix(name, prefix+"APP_") && name != prefix+"LOG_RULES" && name != prefix+"MASK_RULES" {
			continue
		}
		if !reflect.DeepEqual(values.FieldByIndex(field.Index).Interface(), others.FieldByIndex(field.Index).Interface()) {
			names = append(names, name)
		}
	}
	return names
}
