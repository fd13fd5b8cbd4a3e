//! What emulators are known not to do.

/// Emulator, behaviour, and why it is the emulator that is wrong.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("ministack", "messages::a_delay_has_a_limit", "takes a delay of 901 s"),
    ("ministack", "batches::a_batch_fails_entry_by_entry", "takes a delay of 901 s"),
    ("ministack", "messages::a_deleted_message_is_gone", "refuses to delete it twice"),
    (
        "ministack",
        "messages::visibility_of_a_deleted_message_cannot_be_changed",
        "calls the handle of a deleted message invalid; AWS answers InvalidParameterValue, \
         'Message does not exist or is not available' (aws/aws-sdk-net issue 1927)",
    ),
    ("ministack", "queues::invalid_attributes_are_refused", "takes any value"),
    ("ministack", "schedules::bad_schedules_are_refused", "does not read the expression"),
    (
        "moto",
        "messages::visibility_of_a_deleted_message_cannot_be_changed",
        "calls the handle of a deleted message invalid; AWS answers InvalidParameterValue, \
         'Message does not exist or is not available' (aws/aws-sdk-net issue 1927)",
    ),
    ("moto", "messages::characters_outside_xml_are_refused", "takes a NUL"),
    ("moto", "queues::invalid_attributes_are_refused", "takes any value"),
    ("moto", "schedules::an_unknown_group_is_an_error", "answers 500 with an HTML page"),
    ("moto", "schedules::bad_schedules_are_refused", "does not read the expression"),
    ("moto", "schedules::a_group_goes_with_its_schedules", "creates a group twice"),
];

/// Why a behaviour is not asked of an emulator.
pub fn reason(emulator: &str, behaviour: &str) -> Option<&'static str> {
    EXCEPTIONS
        .iter()
        .find(|(name, of, _)| *name == emulator && *of == behaviour)
        .map(|(_, _, reason)| *reason)
}
