//! Objects with settings, and errors of parameters: Add and Set have messages of one shape for them, under
//! different names.

/// The translations between the messages of one verb and the operation's terms.
macro_rules! settings {
    ($object:ident, $setting:ident, $error:ident) => {
        /// Objects of a request, as the operation has them.
        fn objects(objects: Vec<$object>) -> Vec<dm::operation::ObjectSettings> {
            let setting = |setting: $setting| dm::operation::ParamSetting {
                param: setting.param,
                value: setting.value,
                required: setting.required,
            };
            let object = |object: $object| dm::operation::ObjectSettings {
                path: object.obj_path,
                params: object.param_settings.into_iter().map(setting).collect(),
            };
            objects.into_iter().map(object).collect()
        }

        /// Objects of an operation, as the request has them.
        fn wire_objects(objects: Vec<dm::operation::ObjectSettings>) -> Vec<$object> {
            let setting = |setting: dm::operation::ParamSetting| $setting {
                param: setting.param,
                value: setting.value,
                required: setting.required,
            };
            let object = |object: dm::operation::ObjectSettings| $object {
                obj_path: object.path,
                param_settings: object.params.into_iter().map(setting).collect(),
            };
            objects.into_iter().map(object).collect()
        }

        /// Errors of an outcome, as the response has them.
        fn errors(errors: Vec<dm::operation::ParamFault>) -> Vec<$error> {
            let error = |error: dm::operation::ParamFault| $error {
                param: error.param,
                err_code: error.fault.code.0,
                err_msg: error.fault.message,
            };
            errors.into_iter().map(error).collect()
        }

        /// Errors of a response, as the outcome has them.
        fn faults(errors: Vec<$error>) -> Vec<dm::operation::ParamFault> {
            let error = |error: $error| dm::operation::ParamFault {
                param: error.param,
                fault: $crate::translate::fault(error.err_code, error.err_msg),
            };
            errors.into_iter().map(error).collect()
        }
    };
}

pub(super) use settings;
