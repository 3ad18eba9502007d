// What no chat template needs: names and functions of Jinja and Python by which templates have been made to run code.

/** Names of Python's own, by which any object leads to every other. */
export const DUNDER = /^__\w+__$/;
/** `_TemplateReference__context`: how Python names private attributes. */
export const MANGLED = /^_[A-Z]\w*__\w/;
/** Attributes of Python's functions, frames and generators through which code gets at everything. */
export const INTERNALS = new Set(
  'func_globals func_code func_closure im_func im_self im_class gi_frame gi_code gi_yieldfrom cr_frame cr_code ag_frame ag_code f_globals f_locals f_builtins f_back f_code tb_frame tb_next co_code'.split(
    ' ',
  ),
);
/** Variables of Jinja and of web frameworks that lead to Python's modules. A template's own variables of such names are its own. */
export const GLOBALS = new Set(
  'lipsum self request config url_for get_flashed_messages __builtins__'.split(' '),
);
/** Harmless if they are called, as their documentation has it; a way to Python's modules otherwise. */
export const CALLED_GLOBALS = new Set(['cycler', 'joiner']);
/** Modules of Python, where a template has no variable of that name. */
export const MODULES = new Set('os sys subprocess builtins importlib socket shutil ctypes pty'.split(' '));
/** Functions that run code, open files or read any attribute. */
export const CALLS = new Set(
  'open eval exec compile popen system import getattr setattr globals locals vars breakpoint'.split(' '),
);
/** The same as methods of whatever object. */
export const METHODS = new Set(
  'popen Popen system exec eval check_output check_call getoutput import_module load_module execfile format_map'.split(
    ' ',
  ),
);
/** Filters that take the name of an attribute: as `attribute=`, or as the argument of this number. */
export const ATTRIBUTE_FILTERS: Readonly<Record<string, number>> = {
  map: -1,
  selectattr: 0,
  rejectattr: 0,
  groupby: 0,
  sort: -1,
  sum: 0,
  unique: 1,
  min: 1,
  max: 1,
  join: 1,
};
/** Of these, Python has objects whose text begins with `<`: a source of characters that stand nowhere in the template. */
export const GENERATORS = new Set('select reject map selectattr rejectattr batch slice'.split(' '));
/** `'{0.__class__}'`: formatting reads what stands behind the dots. */
export const FORMAT_OF_ATTRIBUTES = /\{[^{}]*(?:\.|\[)_+\w/;

/** Filters and methods that take a width. */
export const WIDTHS = new Set('center ljust rjust zfill indent'.split(' '));
