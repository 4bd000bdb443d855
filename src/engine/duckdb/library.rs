//! Loads `libduckdb` when a command first needs a database, and not before.
//!
//! Loading the library costs some 15 ms, as much as a whole `dovetail ls` (docs/decisions/0001). So the C functions that
//! this program uses are defined here, each as a jump through a slot that `load` fills. The linker finds them before
//! those of the library, and leaves the library out.
//!
//! Architecture invariant: everything that calls DuckDB passes through `open` or `table_names`, which call `load`.

use crate::engine::EngineError;

/// Makes DuckDB's functions callable; at once after the first time.
///
/// # Errors
/// When the library is not where it should be, or is of another version.
pub(super) fn load() -> Result<(), EngineError> {
    #[cfg(lazy_duckdb)]
    {
        static LOADED: std::sync::OnceLock<Result<(), EngineError>> = std::sync::OnceLock::new();
        LOADED.get_or_init(lazy::load).clone()
    }
    #[cfg(not(lazy_duckdb))]
    Ok(())
}

#[cfg(lazy_duckdb)]
mod lazy {
    use std::ffi::{CStr, c_char};
    use std::path::{Path, PathBuf};
    use std::sync::atomic::{AtomicPtr, Ordering};

    use libloading::os::unix::{Library, RTLD_LAZY, RTLD_LOCAL};

    use crate::engine::duckdb::error::error_from_text;
    use crate::engine::{EngineError, EngineErrorKind};

    /// The version that the declarations of the functions are for.
    const VERSION: &str = "v1.5.5";
    const FILE: &str = "libduckdb.so";
    /// Names the library's file, when it is somewhere else.
    const ENVIRONMENT_VARIABLE: &str = "DOVETAIL_LIBDUCKDB";

    pub(super) fn load() -> Result<(), EngineError> {
        let library = open()?;
        check_version(&library)?;
        for (name, slot) in SLOTS {
            // SAFETY: only the address is taken; the declarations are those of this version.
            if let Ok(function) = unsafe { library.get::<unsafe extern "C" fn()>(name.to_bytes_with_nul()) } {
                slot.store(*function as *mut (), Ordering::Release);
            }
        }
        // The slots point into it for as long as the process lives.
        std::mem::forget(library);
        Ok(())
    }

    fn open() -> Result<Library, EngineError> {
        let mut failures = Vec::new();
        for path in candidates() {
            // SAFETY: DuckDB's initializers have no requirements. Local, so that a `duckdb` module in the same
            // interpreter keeps to its own copy. Lazy, since looking up all of its functions takes a third of loading it.
            match unsafe { Library::open(Some(&path), RTLD_LAZY | RTLD_LOCAL) } {
                Ok(library) => return Ok(library),
                Err(error) => failures.push(format!("{}: {error}", path.display())),
            }
        }
        let message = format!("the DuckDB library cannot be loaded: {}", failures.join("; "));
        Err(error_from_text(EngineErrorKind::Open, message))
    }

    /// Where the library may be: named by the user, beside this program (in the wheel), where it was built.
    fn candidates() -> Vec<PathBuf> {
        if let Some(named) = std::env::var_os(ENVIRONMENT_VARIABLE) {
            return vec![PathBuf::from(named)];
        }
        let beside = own_file().and_then(|file| Some(file.parent()?.join(FILE))).filter(|path| path.exists());
        let built = option_env!("DUCKDB_LIB_DIR").map(|folder| Path::new(folder).join(FILE));
        beside.into_iter().chain(built).chain([PathBuf::from(FILE)]).collect()
    }

    /// The file that this code was loaded from: the extension module in Python, else the program.
    fn own_file() -> Option<PathBuf> {
        // SAFETY: `information` is filled when the call says so; the name lives as long as the file is loaded.
        unsafe {
            let mut information: libc::Dl_info = std::mem::zeroed();
            if libc::dladdr((own_file as fn() -> Option<PathBuf> as *const ()).cast(), &mut information) == 0 {
                return None;
            }
            let name = CStr::from_ptr(information.dli_fname).to_str().ok()?;
            Path::new(name).canonicalize().ok()
        }
    }

    fn check_version(library: &Library) -> Result<(), EngineError> {
        type Version = unsafe extern "C" fn() -> *const c_char;
        // SAFETY: the function has this type in every version.
        let found = unsafe {
            match library.get::<Version>(b"duckdb_library_version\0") {
                Ok(version) => CStr::from_ptr(version()).to_string_lossy().into_owned(),
                Err(_) => "unknown".to_owned(),
            }
        };
        if found == VERSION {
            return Ok(());
        }
        let message = format!("the DuckDB library has version {found}, {VERSION} is needed");
        Err(error_from_text(EngineErrorKind::Open, message))
    }

    /// What a slot holds before `load`. Reaching it is a bug: DuckDB is called only through an open engine.
    extern "C" fn not_loaded() {
        panic!("DuckDB was called before it was loaded");
    }

    macro_rules! functions {
        ($($name:ident)*) => {
            mod slots {
                use std::sync::atomic::AtomicPtr;

                $(
                    #[allow(non_upper_case_globals)]
                    pub(super) static $name: AtomicPtr<()> = AtomicPtr::new(super::not_loaded as *mut ());
                )*
            }

            $(
                /// Jumps to the library's function of this name, arguments untouched.
                #[unsafe(naked)]
                #[unsafe(no_mangle)]
                unsafe extern "C" fn $name() {
                    #[cfg(target_arch = "x86_64")]
                    std::arch::naked_asm!("jmp qword ptr [rip + {slot}]", slot = sym slots::$name);
                    #[cfg(target_arch = "aarch64")]
                    std::arch::naked_asm!(
                        "adrp x16, {slot}",
                        "ldr x16, [x16, :lo12:{slot}]",
                        "br x16",
                        slot = sym slots::$name
                    );
                }
            )*

            static SLOTS: &[(&CStr, &AtomicPtr<()>)] =
                &[$((match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"",
                }, &slots::$name),)*];

            /// Keeps the jumps where the linker looks first.
            #[used]
            static JUMPS: &[unsafe extern "C" fn()] = &[$($name,)*];
        };
    }

    // What this program and the `duckdb` crate call. A function that is missing here is linked from the library, which
    // is then loaded with the program: a test sees that (`tests/python/test_wheel.py`).
    functions! {
        duckdb_create_selection_vector duckdb_create_vector duckdb_destroy_selection_vector duckdb_destroy_vector
        duckdb_selection_vector_get_data_ptr duckdb_vector_copy_sel
        duckdb_create_task_state duckdb_destroy_task_state duckdb_execute_n_tasks_state
        duckdb_table_description_create_ext duckdb_table_description_destroy duckdb_table_description_error
        duckdb_table_description_get_column_count duckdb_table_description_get_column_name
        duckdb_table_description_get_column_type
        duckdb_create_scalar_function duckdb_destroy_scalar_function duckdb_register_scalar_function
        duckdb_scalar_function_set_varargs duckdb_scalar_function_set_function duckdb_scalar_function_set_name
        duckdb_scalar_function_set_return_type duckdb_scalar_function_set_volatile
        duckdb_append_blob duckdb_append_bool duckdb_append_date duckdb_append_double duckdb_append_float
        duckdb_append_hugeint duckdb_append_int16 duckdb_append_int32 duckdb_append_int64 duckdb_append_int8
        duckdb_append_interval duckdb_append_null duckdb_append_time duckdb_append_timestamp duckdb_append_uhugeint
        duckdb_append_uint16 duckdb_append_uint32 duckdb_append_uint64 duckdb_append_uint8 duckdb_append_value
        duckdb_append_varchar_length duckdb_appender_add_column duckdb_appender_close duckdb_appender_create_ext
        duckdb_appender_destroy duckdb_appender_end_row duckdb_appender_error duckdb_appender_error_data duckdb_array_type_array_size duckdb_array_type_child_type duckdb_array_vector_get_child
        duckdb_arrow_scan duckdb_bind_blob duckdb_bind_boolean duckdb_bind_date duckdb_bind_decimal
        duckdb_bind_double duckdb_bind_float duckdb_bind_hugeint duckdb_bind_int16 duckdb_bind_int32
        duckdb_bind_int64 duckdb_bind_int8 duckdb_bind_interval duckdb_bind_null duckdb_bind_time
        duckdb_bind_timestamp duckdb_bind_timestamp_tz duckdb_bind_uhugeint duckdb_bind_uint16 duckdb_bind_uint32 duckdb_bind_uint64
        duckdb_bind_uint8 duckdb_bind_varchar_length duckdb_clear_bindings duckdb_close duckdb_column_count
        duckdb_column_logical_type duckdb_column_name duckdb_connect duckdb_connection_get_arrow_options
        duckdb_create_array_type duckdb_create_config duckdb_create_data_chunk duckdb_create_decimal
        duckdb_create_decimal_type duckdb_create_list_type duckdb_create_logical_type duckdb_create_map_type
        duckdb_create_struct_type duckdb_create_union_type duckdb_data_chunk_get_column_count
        duckdb_data_chunk_get_size duckdb_data_chunk_get_vector duckdb_data_chunk_set_size duckdb_data_chunk_to_arrow
        duckdb_decimal_scale duckdb_decimal_width duckdb_destroy_arrow_converted_schema duckdb_destroy_arrow_options
        duckdb_destroy_config duckdb_destroy_data_chunk duckdb_destroy_error_data duckdb_destroy_extracted
        duckdb_destroy_logical_type duckdb_destroy_prepare duckdb_destroy_result duckdb_destroy_value
        duckdb_disconnect duckdb_enum_dictionary_size duckdb_enum_dictionary_value duckdb_error_data_error_type
        duckdb_error_data_has_error duckdb_error_data_message duckdb_execute_prepared
        duckdb_execute_prepared_streaming duckdb_extract_statements duckdb_extract_statements_error
        duckdb_fetch_chunk duckdb_free duckdb_geometry_type_get_crs duckdb_get_map_key duckdb_get_map_size
        duckdb_get_map_value duckdb_get_profiling_info duckdb_get_type_id duckdb_get_varchar duckdb_interrupt
        duckdb_library_version duckdb_list_type_child_type duckdb_list_vector_get_child duckdb_list_vector_get_size
        duckdb_list_vector_reserve duckdb_list_vector_set_size duckdb_logical_type_get_alias
        duckdb_logical_type_set_alias duckdb_map_type_key_type duckdb_map_type_value_type duckdb_nparams
        duckdb_open_ext duckdb_parameter_name duckdb_prepare duckdb_prepare_error duckdb_prepare_extracted_statement
        duckdb_prepared_statement_column_count duckdb_prepared_statement_column_logical_type
        duckdb_prepared_statement_column_name duckdb_prepared_statement_type duckdb_profiling_info_get_child
        duckdb_profiling_info_get_child_count duckdb_profiling_info_get_metrics duckdb_query duckdb_result_error
        duckdb_result_get_arrow_options duckdb_row_count duckdb_rows_changed duckdb_schema_from_arrow
        duckdb_set_config duckdb_string_t_data duckdb_string_t_length duckdb_struct_type_child_count
        duckdb_struct_type_child_name duckdb_struct_type_child_type duckdb_struct_vector_get_child
        duckdb_to_arrow_schema duckdb_union_type_member_count duckdb_union_type_member_name
        duckdb_union_type_member_type duckdb_validity_row_is_valid duckdb_validity_set_row_invalid
        duckdb_vector_assign_string_element duckdb_vector_assign_string_element_len
        duckdb_vector_ensure_validity_writable duckdb_vector_get_column_type duckdb_vector_get_data
        duckdb_vector_get_validity duckdb_vector_size
    }
}
