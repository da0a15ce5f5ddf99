# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a client may send to a QMP server, made from the text of QEMU's
# specification (docs/interop/qmp-spec), in the order of a session; and in
# what a server may differ from QEMU by that text.
use strict;
use warnings;

# --- The differences ---------------------------------------------------------

# What a reply is made to before it is compared.
our %DIFFERENCES = (
    wording => {
        sentence => 'Clients should not attempt to parse this message.',
        apply    => sub { $_[0]{error}{desc} = '*' if $_[0]{error} },
    },
    early => {
        sentence => 'Some errors can occur before the Server is able to ' .
            'read the "id" member; in these cases the "id" member will ' .
            'not be part of the error response, even if provided by the ' .
            'client.',
        apply    => sub {
            return unless $_[0]{error};
            delete $_[0]{id};
            $_[0]{error}{desc} = '*';
        },
    },
    same_id => {
        sentence => 'the same "id" field will be attached in the ' .
            'corresponding response message',
        apply    => sub { delete $_[0]{id} },
    },
    new_error => {
        sentence => 'new errors can be added to any existing command in ' .
            'newer versions of the Server',
        apply    => sub { %{$_[0]} = (result => '*') },
    },
    keys_twice => {
        sentence => 'Repeating a key within a json-object gives ' .
            'unpredictable results.',
        apply    => sub { %{$_[0]} = (result => '*') },
    },
    new_command => {
        sentence => 'Introducing new commands is okay.',
        apply    => sub { %{$_[0]} = (result => '*') },
        count    => 1,          # qmp_reset is answered by two messages
    },
);

# --- The script --------------------------------------------------------------

# [ section, what, bytes, difference ]. Bytes that begin with <BYTES> are sent
# one at a time.
my $status = '"execute": "query-status"';
our @NEGOTIATION = (
    # Capabilities Negotiation: only qmp_capabilities is allowed to run.
    [ 'Capabilities Negotiation', 'other commands', "{$status, \"id\": 1}" ],
    [ 'Capabilities Negotiation', 'unknown commands',
      '{"execute": "no-such-command", "id": 1}' ],
    [ 'Out-of-band execution', 'not enabled',
      '{"exec-oob": "query-status", "id": 1}' ],
    [ 'Compatibility Considerations', 'wrong type of arguments',
      '{"execute": "qmp_capabilities", "arguments": [], "id": 1}' ],
    [ 'Compatibility Considerations', 'wrong type of an argument',
      '{"execute": "qmp_capabilities", "arguments": {"enable": "oob"}}' ],
    [ 'Compatibility Considerations', 'an argument that is not understood',
      '{"execute": "qmp_capabilities", "arguments": {"all": 1}, "id": 1}',
      'wording' ],
    [ 'Capabilities', 'one that was not offered',
      '{"execute": "qmp_capabilities", "arguments": {"enable": ["x"]}}',
      'wording' ],
    [ 'Issuing Commands', 'neither execute nor exec-oob', '{"id": 1}',
      'early' ],
    [ 'Capabilities Negotiation', 'success',
      '{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]},' .
      ' "id": "n"}' ],
    [ 'Capabilities Negotiation', 'again',
      '{"execute": "qmp_capabilities"}' ],
);
my @ids = (
    0, -1, 42, 9223372036854775807, '"text"', '""', '"\u00e9\n\"\\\\"',
    'true', 'false', 'null', '[]', '{}', '[1, [2, {"id": [3]}], null]',
    '{"a": {"b": ["c", false]}, "id": "inner"}',
    # As libxl, QEMU's own Python client and libvirt make them.
    '770000000001', '"__qmp#00042"', '"libvirt-17"',
);
our @COMMANDS = (
    [ 'Issuing Commands', 'no arguments, no id', "{$status}" ],
    [ 'Issuing Commands', 'empty arguments', "{$status, \"arguments\": {}}" ],
    [ 'Issuing Commands', 'as qmp-shell does',
      "{$status, \"arguments\": {}, \"id\": \"__qmp#00001\"}" ],
    (map { [ 'Issuing Commands', "id $_", "{$status, \"id\": $_}" ] } @ids),
    (map { [ 'Commands Responses', "id as it was written: $_",
             "{$status, \"id\": $_}", 'same_id' ] }
     '123456789012345678901234567890', '"\u00c3\u00a9' . "\xc3\xa9" . '"'),
    [ 'Issuing Commands', 'members in another order',
      "{\"id\": 1, \"arguments\": {}, $status}" ],
    [ 'Issuing Commands', 'white space between all',
      "\n{\t\"execute\"\r\n:\"query-status\" ,\n\"id\" : 1\n}\n" ],
    [ 'Issuing Commands', 'escapes', '{"execute": "query\u002dstatus"}' ],
    [ 'Issuing Commands', 'two at once, nothing between',
      "{$status, \"id\": 1}{\"execute\": \"query-version\", \"id\": 2}" ],
    [ 'Issuing Commands', 'a byte at a time',
      "<BYTES>{$status, \"id\": \"slow\"}" ],
    [ 'Issuing Commands', 'unknown', '{"execute": "no-such", "id": 1}' ],
    [ 'Issuing Commands', 'empty name', '{"execute": "", "id": 1}' ],
    [ 'Protocol Specification', 'single quotes',
      "{'execute': 'query-status', 'id': 'say \"it\\'s\"'}" ],
    [ 'Protocol Specification', 'a quote escaped in double quotes',
      "{$status, \"id\": \"it\\'s\"}" ],
    [ 'Protocol Specification', 'a key twice',
      "{$status, $status, \"id\": 1}", 'keys_twice' ],
    [ 'Compatibility Considerations', 'a member that is not understood',
      "{$status, \"more\": 1, \"id\": 1}" ],
    [ 'Compatibility Considerations', 'an argument that is not understood',
      "{$status, \"arguments\": {\"a\": 1}, \"id\": 1}" ],
    [ 'Compatibility Considerations', 'arguments of another type',
      "{$status, \"arguments\": 1, \"id\": 1}" ],
    [ 'Compatibility Considerations', 'a name that is no string',
      '{"execute": 1, "id": 1}', 'early' ],
    [ 'Compatibility Considerations', 'an argument of another type',
      '{"execute": "object-add", "arguments": {"qom-type": 1}, "id": 1}' ],
    [ 'Success', 'an empty json-object', '{"execute": "system_wakeup"}' ],
    [ 'Success', 'a large value', '{"execute": "query-qmp-schema"}' ],
    [ 'Success', 'a json-array', '{"execute": "query-commands"}' ],
    [ 'Error', 'of a command',
      '{"execute": "device_add", "arguments": {"driver": "x"}, "id": 1}' ],
    [ 'Error', 'of syntax', '{"execute": }', 'wording' ],
    [ 'Error', 'of words', "quit\n", 'wording' ],
    [ 'Error', 'no object', "[1]\n", 'wording' ],
    [ 'Error', 'a reply', '{"return": {}, "id": 1}', 'early' ],
    [ 'Asynchronous events', 'before the reply',
      '{"execute": "stop", "id": 1}' ],
    [ 'Asynchronous events', 'after another', '{"execute": "cont"}' ],
    [ 'Forcing the JSON parser into known-good state', 'by a control byte',
      "{\"execute\": \"query-st\x18", 'wording' ],
    [ 'Forcing the JSON parser into known-good state', 'by 0xFF',
      "{\"execute\": [\xff", 'wording' ],
    [ 'Out-of-band execution', 'by a command that supports it',
      '{"exec-oob": "migrate-pause", "id": 42}' ],
    [ 'Out-of-band execution', 'by one that does not',
      '{"exec-oob": "query-status", "id": 43}' ],
    [ 'Out-of-band execution', 'both ways at once',
      "{\"exec-oob\": \"migrate-pause\", $status, \"id\": 1}", 'early' ],
    [ 'Out-of-band execution', 'twenty in-band commands in issue order',
      join('', map { "{$status, \"id\": $_}" } 1 .. 20) ],
    [ 'Compatibility Considerations', 'a descriptor, without one',
      '{"execute": "getfd", "arguments": {"fdname": "a"}, "id": 1}',
      'wording' ],
    [ 'Compatibility Considerations', 'a command of more than 1 MiB',
      "{$status" . ' ' x 1100000 . "}\n", 'new_error' ],
    [ 'Compatibility Considerations', 'an id 200 levels deep',
      "{$status, \"id\": " . '[' x 200 . ']' x 200 . "}\n", 'new_error' ],
    [ 'Downstream extension', 'qmp_reset',
      '{"execute": "qmp_reset", "id": 1}', 'new_command' ],
);

1;
