//! `graph + selection -> Plan`: the ordered steps, each with its reason.
