"""The options of a run, and the one way to build them from text."""

from alignfreeze.config.building import build_config as build_config
from alignfreeze.config.building import checked as checked
from alignfreeze.config.building import merged_options as merged_options
from alignfreeze.config.building import preset_names as preset_names
from alignfreeze.config.building import preset_options as preset_options
from alignfreeze.config.building import validated as validated
from alignfreeze.config.options import BASELINE as BASELINE
from alignfreeze.config.options import RunConfig as RunConfig
from alignfreeze.config.options import is_repeated as is_repeated
from alignfreeze.config.options import model_name as model_name
from alignfreeze.config.parsing import Arguments as Arguments
from alignfreeze.config.parsing import Names as Names
from alignfreeze.config.parsing import Seeds as Seeds
from alignfreeze.config.parsing import describe_error as describe_error
from alignfreeze.config.parsing import option_names as option_names
from alignfreeze.config.parsing import parse_arguments as parse_arguments
from alignfreeze.config.parsing import split_names as split_names
from alignfreeze.config.roles import About as About
from alignfreeze.config.roles import Command as Command
from alignfreeze.config.roles import Phase as Phase
from alignfreeze.config.roles import Role as Role
from alignfreeze.config.roles import StudyRole as StudyRole
from alignfreeze.config.roles import fields_with as fields_with
from alignfreeze.config.roles import role_of as role_of
from alignfreeze.config.roles import study_fields as study_fields
