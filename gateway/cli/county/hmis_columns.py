"""The columns of an HMIS CSV export, FY2026 v1, in the order of the published layout."""

from __future__ import annotations

from typing import Final

COLUMNS: Final = {
    "Export.csv": (
        "ExportID SourceType SourceID SourceName SourceContactFirst SourceContactLast "
        "SourceContactPhone SourceContactExtension SourceContactEmail ExportDate ExportStartDate "
        "ExportEndDate SoftwareName SoftwareVersion CSVVersion ExportPeriodType ExportDirective "
        "HashStatus ImplementationID"
    ),
    "Project.csv": (
        "ProjectID OrganizationID ProjectName ProjectCommonName OperatingStartDate "
        "OperatingEndDate ContinuumProject ProjectType HousingType RRHSubType "
        "ResidentialAffiliation TargetPopulation HOPWAMedAssistedLivingFac PITCount DateCreated "
        "DateUpdated UserID DateDeleted ExportID"
    ),
    "Client.csv": (
        "PersonalID FirstName MiddleName LastName NameSuffix NameDataQuality SSN SSNDataQuality "
        "DOB DOBDataQuality AmIndAKNative Asian BlackAfAmerican HispanicLatinao MidEastNAfrican "
        "NativeHIPacific White RaceNone AdditionalRaceEthnicity VeteranStatus YearEnteredService "
        "YearSeparated WorldWarII KoreanWar VietnamWar DesertStorm AfghanistanOEF IraqOIF IraqOND "
        "OtherTheater MilitaryBranch DischargeStatus DateCreated DateUpdated UserID DateDeleted "
        "ExportID Sex"
    ),
    "Enrollment.csv": (
        "EnrollmentID PersonalID ProjectID EntryDate HouseholdID RelationshipToHoH EnrollmentCoC "
        "LivingSituation RentalSubsidyType LengthOfStay LOSUnderThreshold PreviousStreetESSH "
        "DateToStreetESSH TimesHomelessPastThreeYears MonthsHomelessPastThreeYears "
        "DisablingCondition DateOfEngagement MoveInDate DateOfPATHStatus ClientEnrolledInPATH "
        "ReasonNotEnrolled PercentAMI ReferralSource CountOutreachReferralApproaches "
        "DateOfBCPStatus EligibleForRHY ReasonNoServices RunawayYouth FormerWardChildWelfare "
        "ChildWelfareYears ChildWelfareMonths FormerWardJuvenileJustice JuvenileJusticeYears "
        "JuvenileJusticeMonths UnemploymentFam MentalHealthDisorderFam PhysicalDisabilityFam "
        "AlcoholDrugUseDisorderFam InsufficientIncome IncarceratedParent VAMCStation "
        "TargetScreenReqd TimeToHousingLoss AnnualPercentAMI LiteralHomelessHistory "
        "ClientLeaseholder HOHLeaseholder SubsidyAtRisk EvictionHistory CriminalRecord "
        "IncarceratedAdult PrisonDischarge SexOffender DisabledHoH CurrentPregnant SingleParent "
        "DependentUnder6 HH5Plus CoCPrioritized HPScreeningScore ThresholdScore DateCreated "
        "DateUpdated UserID DateDeleted ExportID MentalHealthConsultation"
    ),
    "Exit.csv": (
        "ExitID EnrollmentID PersonalID ExitDate Destination DestinationSubsidyType "
        "OtherDestination HousingAssessment SubsidyInformation ProjectCompletionStatus "
        "EarlyExitReason ExchangeForSex ExchangeForSexPastThreeMonths CountOfExchangeForSex "
        "AskedOrForcedToExchangeForSex AskedOrForcedToExchangeForSexPastThreeMonths "
        "WorkplaceViolenceThreats WorkplacePromiseDifference CoercedToContinueWork "
        "LaborExploitPastThreeMonths CounselingReceived IndividualCounseling FamilyCounseling "
        "GroupCounseling SessionCountAtExit PostExitCounselingPlan SessionsInPlan "
        "DestinationSafeClient DestinationSafeWorker PosAdultConnections PosPeerConnections "
        "PosCommunityConnections AftercareDate AftercareProvided EmailSocialMedia Telephone "
        "InPersonIndividual InPersonGroup CMExitReason DateCreated DateUpdated UserID DateDeleted "
        "ExportID"
    ),
    "CurrentLivingSituation.csv": (
        "CurrentLivingSitID EnrollmentID PersonalID InformationDate CurrentLivingSituation "
        "CLSSubsidyType VerifiedBy LeaveSituation14Days SubsequentResidence ResourcesToObtain "
        "LeaseOwn60Day MovedTwoOrMore LocationDetails DateCreated DateUpdated UserID DateDeleted "
        "ExportID"
    ),
    "Event.csv": (
        "EventID EnrollmentID PersonalID EventDate Event ProbSolDivRRResult "
        "ReferralCaseManageAfter LocationCrisisOrPHHousing ReferralResult ResultDate DateCreated "
        "DateUpdated UserID DateDeleted ExportID"
    ),
    "Services.csv": (
        "ServicesID EnrollmentID PersonalID DateProvided RecordType TypeProvided "
        "OtherTypeProvided MovingOnOtherType SubTypeProvided FAAmount FAStartDate FAEndDate "
        "ReferralOutcome DateCreated DateUpdated UserID DateDeleted ExportID"
    ),
}
"""File name to its columns, separated by spaces."""
