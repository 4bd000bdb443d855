//! Who calls.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr;

/// The name of the user: what the environment says, or else what the system knows of the process.
pub(crate) fn name(environment: &BTreeMap<String, String>) -> Option<String> {
    let named = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| environment.get(*name));
    named.filter(|name| !name.is_empty()).cloned().or_else(of_process)
}

/// Schedulers and containers often set no variable.
fn of_process() -> Option<String> {
    let mut buffer = [0; 4096];
    // SAFETY: zeroes are a valid `passwd`, whose texts are null pointers then.
    let mut entry: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = ptr::null_mut();
    // SAFETY: all pointers are to what lives here, and the buffer is as long as said.
    let status =
        unsafe { libc::getpwuid_r(libc::geteuid(), &raw mut entry, buffer.as_mut_ptr(), buffer.len(), &raw mut found) };
    if status != 0 || found.is_null() || entry.pw_name.is_null() {
        return None;
    }
    // SAFETY: the name ends with a zero, inside of the buffer that is still here.
    let name = unsafe { CStr::from_ptr(entry.pw_name) };
    name.to_str().ok().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_is_believed_and_the_system_asked() {
        let environment = |user: &str| BTreeMap::from([("USER".to_owned(), user.to_owned())]);
        assert_eq!(name(&environment("ada")).as_deref(), Some("ada"));
        assert_eq!(name(&environment("")), of_process());
        assert!(of_process().is_none_or(|name| !name.is_empty()));
    }
}
